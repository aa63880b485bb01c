"""One task from claim to completion, with real git and real processes."""

import json
import os
from pathlib import Path

import pytest

from bot.adapters.exec import Exec
from bot.agent.directories import bring
from bot.execution.bundle import BundleRules
from tests.unit.agent.conftest import Host
from tests.unit.agent.fleet import LOST, Fleet, answer, problem

EDIT = "open('made.txt','w').write('made\\n')"


def test_changes_left_in_the_tree_become_one_commit(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(f"{EDIT}\nprint('::fleet summary Made it.')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["message"]) == ("done", "Made it.")
    assert fleet.file(task, "made.txt") == "made"
    message = fleet.repo.git("log", "-1", "--format=%B", task.result["head_sha"])
    assert "A task" in message
    assert message.rstrip().endswith("Generated-by: AI agent mine\nAgent-Fleet-Task: task-1\nAgent-Fleet-Attempt: 1")
    receipt = done["receipt"]
    assert receipt["git"]["head_sha"] == task.result["head_sha"]
    assert receipt["process"]["exit_code"] == 0
    assert receipt["executor"]["mode"] == "http_pull"


def test_a_title_commands_nobody_on_the_forge(fleet: Fleet, host: Host) -> None:
    task = fleet.add(title="Closes #3, thanks\n@name: see other/repo#4")
    with host.running(host.agent(EDIT)):
        fleet.ends(task)
    message = fleet.repo.git("log", "-1", "--format=%B", task.result["head_sha"])
    assert message.startswith("Closes #\u20603, thanks @\u2060name: see other/repo#\u20604\n")


def test_commits_of_the_agent_itself_are_handed_in(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    code = f"""
import subprocess
{EDIT}
subprocess.run(['git', 'add', '.'], check=True)
subprocess.run(['git', 'commit', '-qm', 'First'], check=True)
open('made.txt', 'a').write('more\\n')
subprocess.run(['git', 'commit', '-qam', 'Second'], check=True)
"""
    with host.running(host.agent(code)):
        assert fleet.ends(task)["outcome"] == "done"
    subjects = fleet.repo.git("log", "--format=%s", f"{fleet.base}..{task.result['head_sha']}")
    assert subjects.splitlines() == ["Second", "First"]


def test_the_operators_log_in_comes_along_but_never_over_a_newer_one(tmp_path: Path) -> None:
    home, into, outside = tmp_path / "home", tmp_path / "into", tmp_path / "outside"
    for folder in (home / ".cli", into, outside):
        folder.mkdir(parents=True)
    (home / ".cli" / "auth.json").write_text("first")
    (outside / "other").write_text("not his")
    (home / ".cli" / "linked").symlink_to(outside / "other")
    (into / ".cli").symlink_to(outside)
    assert bring(".cli/auth.json", home, into)
    found = into / ".cli" / "auth.json"
    assert (found.read_text(), found.stat().st_mode & 0o777) == ("first", 0o600)
    assert not (outside / "auth.json").exists()
    found.write_text("renewed")
    for name in (".cli/auth.json", ".cli/linked", ".cli/none"):
        assert not bring(name, home, into)
    assert found.read_text() == "renewed"
    later = found.stat().st_mtime + 10
    os.utime(home / ".cli" / "auth.json", (later, later))
    assert bring(".cli/auth.json", home, into)


def test_a_run_finds_the_log_in_of_its_cli(
    fleet: Fleet, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".cli.json").write_text("a log-in")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Exec, "credentials", (".cli.json", ".none.json"))
    task = fleet.add()
    code = "import os, shutil; shutil.copy(os.environ['HOME'] + '/.cli.json', 'made.txt')"
    with host.running(host.agent(code)):
        fleet.ends(task)
    assert fleet.file(task, "made.txt") == "a log-in"


def test_nothing_changed_and_nothing_said_is_a_failure(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("print('looked around')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "empty_output")
    assert fleet.count("result") == 0


def test_no_change_with_its_explanation(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("print('::fleet no-change it is fixed already')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["message"]) == ("no_change", "it is fixed already")


def test_no_change_said_but_files_changed(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(f"{EDIT}\nprint('::fleet no-change all good')")):
        done = fleet.ends(task)
    assert done["outcome"] == "done"
    assert "all good" in done["message"]


def test_a_question_ends_the_attempt(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("print('::fleet question Which colour?')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["message"]) == ("question", "Which colour?")
    assert done["receipt"]["process"]["exit_code"] == 0


def test_exit_1_fails_with_the_last_line(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(f"{EDIT}\nprint('working')\nraise SystemExit('no compiler')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "agent_failed")
    assert done["message"] == "The agent command ended with exit code 1: no compiler"
    assert fleet.count("result") == 0


def test_the_time_limit_of_the_task_holds(fleet: Fleet, host: Host) -> None:
    task = fleet.add(timeout_secs=0.3)
    with host.running(host.agent("import time\ntime.sleep(600)")):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "timeout")
    assert done["receipt"]["process"]["killed_by"] == "timeout"


def test_silence_has_a_limit_of_its_own(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("import time\ntime.sleep(600)", stall_secs=0.3)):
        assert fleet.ends(task)["reason"] == "stalled"


@pytest.mark.parametrize(
    "prompt",
    ["-rf --help", "x" * 300_000, 'it\'s "quoted" `id` $(id) {prompt_file}\n\n@/etc/passwd\n/help', "ünï 🙂\ttab"],
    ids=["dash", "300KB", "quotes", "unicode"],
)
@pytest.mark.parametrize("way", ["stdin", "file"])
def test_hostile_prompts_arrive_whole(fleet: Fleet, host: Host, prompt: str, way: str) -> None:
    task = fleet.add(prompt)
    read = "sys.stdin.buffer.read()" if way == "stdin" else "open(sys.argv[1], 'rb').read()"
    code = f"""
import os, sys
got = {read}
open('got.txt', 'wb').write(got)
assert open(os.environ['AGENT_FLEET_PROMPT_FILE'], 'rb').read() == got
"""
    with host.running(host.agent(code, prompt=way)):
        done = fleet.ends(task)
    assert done["outcome"] == "done", done
    assert prompt.strip() in fleet.file(task, "got.txt")


def test_as_an_argument_too_but_not_for_ever(fleet: Fleet, host: Host) -> None:
    short, long = fleet.add("-rf"), fleet.add("x" * 300_000)
    code = "import sys\nassert len(sys.argv) == 2 and '-rf' in sys.argv[1]\n" + EDIT
    with host.running(host.agent(code, prompt="argument")):
        assert fleet.ends(short)["outcome"] == "done"
        assert fleet.ends(long)["reason"] == "prompt_invalid"


def test_a_nul_is_refused(fleet: Fleet, host: Host) -> None:
    task = fleet.add("one\0two")
    with host.running(host.agent(EDIT)):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "prompt_invalid")


def test_half_a_character_in_a_prompt_costs_nothing(fleet: Fleet, host: Host) -> None:
    task = fleet.add("half \ud83d")
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"


def test_progress_checklist_and_log_are_streamed(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    code = f"""
import sys
print('::fleet check [ ] write it')
print('::fleet progress writing')
print('\\x1b[31mred\\x1b[0m', file=sys.stderr, flush=True)
print('::fleet check [x] write it', flush=True)
{EDIT}
"""
    with host.running(host.agent(code)):
        fleet.ends(task)
    assert task.checklist == [{"text": "write it", "done": True}]
    assert "writing" in task.messages
    assert b"\nred\n" in b"\n" + task.log


def test_a_flood_is_cut_in_the_middle_and_the_rest_stands(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    code = f"for n in range(200_000): print(n, 'x' * 50)\n{EDIT}\nprint('the end')"
    with host.running(host.agent(code)):
        done = fleet.ends(task)
    assert done["outcome"] == "done"
    assert task.log.startswith(b"0 xxx")
    assert task.log.endswith(b"the end\n")
    assert b"bytes left out" in task.log
    assert len(task.log) < 4 * 1024 * 1024
    assert done["receipt"]["logs"]["transcript"]["truncated"] is True
    assert done["receipt"]["logs"]["transcript"]["bytes"] == len(task.log)


def test_only_the_environment_that_is_allowed_and_no_token(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    code = "import json, os\njson.dump(dict(os.environ), open('env.json', 'w'))\nprint('key', os.environ['MY_KEY'])"
    agent = host.agent(code, env={"MY_KEY": "key-0123456789"})
    with host.running(agent):
        fleet.ends(task)
    seen = json.loads(fleet.file(task, "env.json"))
    assert seen["MY_KEY"] == "key-0123456789"
    assert not [name for name in seen if name.startswith("PYTEST") or "TOKEN" in name]
    assert fleet.hand_out_token not in json.dumps(seen)
    assert task.log == b"key ***\n"


def test_a_result_against_the_rules_fails_with_their_words(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("import os\nos.mkdir('.forgejo')\nopen('.forgejo/x', 'w').write('x')")):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "policy")
    assert "protected" in done["message"]


def test_a_secret_in_the_result_is_against_the_rules(fleet: Fleet, host: Host) -> None:
    fleet.rules = BundleRules(secrets=["hunter2-hunter2"])
    task = fleet.add()
    with host.running(host.agent("open('x', 'w').write('hunter2-hunter2')")):
        assert fleet.ends(task)["reason"] == "policy"


def test_a_rejected_receipt_is_told_as_a_failure(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    fleet.instead["complete"].append(problem(422, "r3: the head is another one.", "rejected_receipt"))
    with host.running(host.agent(EDIT)):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "rejected_receipt")


@pytest.mark.parametrize("route", ["dequeue", "status", "source", "result", "complete"])
def test_a_lost_answer_loses_nothing_and_does_nothing_twice(fleet: Fleet, host: Host, route: str) -> None:
    fleet.instead[route].append(LOST)
    task = fleet.add()
    with host.running(host.agent(f"{EDIT}\nprint('once')")):
        assert fleet.ends(task)["outcome"] == "done"
    assert task.fence == 1
    assert task.log == b"once\n"


@pytest.mark.parametrize("route", ["register", "dequeue", "status", "source", "result", "complete", "heartbeat"])
@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(fleet: Fleet, host: Host, route: str, status: int) -> None:
    fleet.instead[route].append(answer(status, Retry_After="0"))
    task = fleet.add()
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"
        fleet.wait_for(lambda: fleet.count(route) > 1)


@pytest.mark.parametrize(
    ("status", "kind"), [(409, "no_base"), (409, "no_source"), (404, "no_such_repo"), (403, "refused"), (422, "odd")]
)
@pytest.mark.parametrize("route", ["status", "source"])
def test_a_refusal_that_does_not_end_the_attempt_is_told_as_a_failure(
    fleet: Fleet, host: Host, route: str, status: int, kind: str
) -> None:
    fleet.instead[route].append(problem(status, "There is no branch main.", kind))
    task = fleet.add()
    with host.running(host.agent(EDIT)):
        done = fleet.ends(task)
    assert (done["outcome"], done["reason"]) == ("failed", "infrastructure")
    assert done["message"] == "There is no branch main."


@pytest.mark.parametrize("kind", ["stale_fence", "not_holding", "not_yours", "no_such_task", "completed_otherwise"])
@pytest.mark.parametrize("route", ["status", "source", "result", "complete"])
def test_nothing_is_told_of_an_attempt_that_is_over(fleet: Fleet, host: Host, route: str, kind: str) -> None:
    fleet.instead[route].append(problem(409, "It is not yours.", kind))
    over = fleet.add()
    with host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: over.fence and not fleet.instead[route])
        after = fleet.add()
        assert fleet.ends(after)["outcome"] == "done"
    assert not over.completion
