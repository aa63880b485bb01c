"""The agent's life: enrolling, beating, being told to stop, restarts on both sides."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.agent.attempts import Attempt
from bot.agent.client import Claim
from bot.agent.journal import Entry, Journal
from bot.agent.patience import GivenUp
from bot.agent.run import Site
from bot.core.errors import Refused
from bot.execution.process import MARKER
from bot.execution.workspace import Workspace
from tests.unit.agent.conftest import Host
from tests.unit.agent.fleet import LOST, Fleet, Task, problem, serving

ROOT = Path(__file__).parents[3]
EDIT = "open('made.txt','w').write('made\\n')"
#: Says that it runs, then never ends by itself.
FOREVER = "import time\nprint('::fleet progress running', flush=True)\ntime.sleep(3600)"


def runs(task: Task) -> bool:
    return "running" in task.messages


def marked(run_dir: Path) -> list[int]:
    """Processes of any run whose home lies below ``run_dir``."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            env = Path(entry.path, "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"{MARKER}=".encode() in env and f"HOME={run_dir}".encode() in env:
            found.append(int(entry.name))
    return found


def test_the_enrolment_token_is_exchanged_once(fleet: Fleet, host: Host) -> None:
    for _ in range(2):
        task = fleet.add()
        with host.running(host.agent(EDIT)):
            fleet.ends(task)
    own = host.work_dir / "me.token"
    assert own.read_text() == f"{fleet.hand_out_token}\n"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert [token.startswith("enrol") for token in fleet.tokens_seen] == [True] + [False] * (len(fleet.tokens_seen) - 1)


def test_a_revoked_token_is_replaced_by_the_enrolment_token(fleet: Fleet, host: Host) -> None:
    host.work_dir.mkdir()
    (host.work_dir / "me.token").write_text("aft_revoked\n")
    task = fleet.add()
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"


def test_a_token_that_nobody_accepts_ends_the_agent(fleet: Fleet, host: Host) -> None:
    host.token_file.write_text("wrong-0123456789\n")
    with pytest.raises(Refused) as refused:
        host.agent(EDIT).run()
    assert refused.value.status == 401


def test_a_token_revoked_while_it_works_ends_agent_and_run(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    agent = host.agent(FOREVER)
    with pytest.raises(Refused), host.running(agent):
        fleet.wait_for(lambda: runs(task))
        with fleet.changed:
            fleet.accepted.clear()
        agent.attempts.wait_until_none(None, agent._hurry)
    assert not marked(host.work_dir)


def test_a_token_among_the_workspaces_is_refused(fleet: Fleet, host: Host) -> None:
    host.work_dir.mkdir()
    (host.work_dir / "work").mkdir()
    host.token_file = host.work_dir / "work" / "token"
    host.token_file.write_text("secret")
    with pytest.raises(Refused, match="agents could read it"):
        host.agent(EDIT)


def test_two_agents_do_not_share_a_work_directory(fleet: Fleet, host: Host) -> None:
    with host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: fleet.count("register"))
        with pytest.raises(Refused, match="Another agent works"):
            host.agent(EDIT).run()


@pytest.mark.parametrize("command", ["cancel", "drop"])
def test_a_heartbeat_stops_a_run(fleet: Fleet, host: Host, command: str) -> None:
    task, after = fleet.add(), None
    with host.running(host.agent(f"import sys\nif 'go on' in sys.stdin.read():\n {EDIT}\nelse:\n" + indented(FOREVER))):
        fleet.wait_for(lambda: runs(task))
        with fleet.changed:
            task.state = "cancelled"
            fleet.commands.append({"task_id": task.task_id, "fence": 1, "command": command})
        after = fleet.add("go on")
        assert fleet.ends(after)["outcome"] == "done"
    assert not task.completion
    assert not marked(host.work_dir)


def indented(code: str) -> str:
    return "".join(f" {line}\n" for line in code.splitlines())


@pytest.mark.parametrize("how", ["cancel", "stale"])
def test_an_answer_to_a_report_stops_the_run(fleet: Fleet, host: Host, how: str) -> None:
    task = fleet.add()
    code = "import time\nwhile True:\n print('::fleet progress running', flush=True)\n time.sleep(0.05)"
    agent = host.agent(code)
    with host.running(agent):
        fleet.wait_for(lambda: runs(task))
        with fleet.changed:
            task.cancel = how == "cancel"
            task.fence += how == "stale"
        agent.attempts.wait_until_none(60, agent._hurry)
        assert not agent.attempts.named()
    assert fleet.count("complete") == 0
    assert not marked(host.work_dir)


def test_an_unknown_command_of_a_newer_server_is_ignored(fleet: Fleet, host: Host) -> None:
    fleet.commands.append({"task_id": "x", "fence": 1, "command": "sing"})
    task = fleet.add()
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"


def test_a_server_that_forgot_us_is_told_again(fleet: Fleet, host: Host) -> None:
    with host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: fleet.count("heartbeat"))
        with fleet.changed:
            fleet.agents.clear()
            fleet.changed.notify_all()
        fleet.wait_for(lambda: "me" in fleet.agents)
        assert fleet.ends(fleet.add())["outcome"] == "done"


def test_draining_takes_nothing_new_until_it_is_over(fleet: Fleet, host: Host) -> None:
    fleet.drain = True
    with host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: fleet.count("heartbeat") > 2)
        before = fleet.count("dequeue")
        fleet.wait_for(lambda: fleet.count("heartbeat") > 15)
        assert fleet.count("dequeue") <= before + 1
        with fleet.changed:
            fleet.drain = False
        assert fleet.ends(fleet.add())["outcome"] == "done"


def test_as_many_at_once_as_it_has_slots(fleet: Fleet, host: Host) -> None:
    tasks = [fleet.add() for _ in range(3)]
    with host.running(host.agent(FOREVER, slots=2)):
        fleet.wait_for(lambda: sum(map(runs, tasks)) == 2)
        beats = fleet.count("heartbeat")
        fleet.wait_for(lambda: fleet.count("heartbeat") > beats + 1)
        assert [t.state for t in tasks] == ["running", "running", "queued"]
        assert len(fleet.calls_of("heartbeat")[-1]["running"]) == 2


def test_stopping_hands_back_what_runs(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(FOREVER)):
        fleet.wait_for(lambda: runs(task))
    assert fleet.requeued == [task.task_id]
    assert not task.completion
    assert not marked(host.work_dir)


def test_stopping_with_time_to_finish(fleet: Fleet, host: Host, tmp_path: Path) -> None:
    task, go = fleet.add(), tmp_path / "go"
    os.mkfifo(go)
    code = f"print('::fleet progress running', flush=True)\nopen({str(go)!r}).read()\n{EDIT}"
    agent = host.agent(code, drain_secs=60)
    with host.running(agent):
        fleet.wait_for(lambda: runs(task))
        agent.stop()
        go.write_text("go")
        assert fleet.ends(task)["outcome"] == "done"
    assert not fleet.requeued


def test_a_task_claimed_while_leaving_is_handed_back(fleet: Fleet, host: Host) -> None:
    agent = host.agent(EDIT)
    task = fleet.add()
    fleet.agents["me"] = {}
    agent.stop()
    with fleet.changed:
        task.state, task.agent, task.fence = "running", "me", 1
        fleet.accepted.add(host.token_file.read_text().strip())
    agent._take(Claim({"task_id": task.task_id}, 1))
    assert fleet.requeued == [task.task_id]


def test_the_server_may_be_restarted_under_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    fleet, go = Fleet(folder), tmp_path / "go"
    os.mkfifo(go)
    code = f"print('::fleet progress running', flush=True)\nopen({str(go)!r}).read()\nprint('after')\n{EDIT}"
    with serving(fleet) as url:
        host = Host(fleet, tmp_path)
        task = fleet.add()
        going = host.running(host.agent(code))
        going.__enter__()
        fleet.wait_for(lambda: runs(task))
    go.write_text("go")  # while nobody answers
    with serving(fleet, port=int(url.rpartition(":")[2])):
        assert fleet.ends(task)["outcome"] == "done"
        going.__exit__(None, None, None)
    assert task.fence == 1
    assert task.log.endswith(b"after\n")


def test_the_next_attempt_fetches_only_what_is_missing(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent("raise SystemExit(1)")):
        fleet.ends(task)
    with fleet.changed:
        task.completion, task.state = {}, "queued"
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"
    assert [call.get("have") for call in fleet.calls_of("source")] == [None, fleet.base]


def test_a_claim_whose_answer_died_with_the_agent_is_made_again(fleet: Fleet, host: Host) -> None:
    host.agent(EDIT)._journal.claiming("before-the-crash")
    task = fleet.add(state="running", agent="me", claim_id="before-the-crash", fence=1)
    with host.running(host.agent(EDIT)):
        assert fleet.ends(task)["outcome"] == "done"
        fleet.wait_for(lambda: fleet.count("dequeue") > 1)
    assert fleet.calls_of("dequeue")[0]["claim_id"] == "before-the-crash"
    assert fleet.calls_of("dequeue")[1]["claim_id"] != "before-the-crash"


@pytest.fixture
def started(fleet: Fleet, host: Host, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The real command, with an agent that runs for ever."""
    script = tmp_path / "forever.py"
    script.write_text(FOREVER)
    with subprocess.Popen(command(fleet, host, script), cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def command(fleet: Fleet, host: Host, script: Path) -> list[str]:
    own = f"{sys.executable} {script}"
    return [
        *(sys.executable, "-c", "from bot.cli import main; main()", "agent"),
        *("--server", fleet.url, "--token-file", str(host.token_file), "--type", "mine", "--id", "me"),
        *("--work-dir", str(host.work_dir), "--capability", "code:python", "--command", own),
    ]


def test_sigterm_hands_back_and_leaves_nothing(fleet: Fleet, host: Host, started: subprocess.Popen[bytes]) -> None:
    task = fleet.add()
    fleet.wait_for(lambda: runs(task))
    assert fleet.agents["me"]["capabilities"] == ["code:python"]
    assert marked(host.work_dir)
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) == 0
    assert fleet.requeued == [task.task_id]
    assert not marked(host.work_dir)


def test_kill_9_is_survived(fleet: Fleet, host: Host, started: subprocess.Popen[bytes]) -> None:
    task = fleet.add()
    fleet.wait_for(lambda: runs(task))
    started.kill()
    started.wait(60)
    with host.running(host.agent(EDIT)):
        told = fleet.ends(task)
    assert (told["outcome"], told["reason"]) == ("failed", "crashed")
    assert not fleet.requeued
    assert not marked(host.work_dir)


def test_leaving_does_not_wait_out_a_long_poll(fleet: Fleet, host: Host, started: subprocess.Popen[bytes]) -> None:
    fleet.holds_polls = True
    fleet.wait_for(lambda: fleet.count("dequeue"))
    started.send_signal(signal.SIGTERM)
    fleet.wait_for(lambda: fleet.count("deregister"))
    assert started.wait(10) == 0  # of 20 s


def test_what_a_poll_brings_after_the_leave_is_handed_back(fleet: Fleet, host: Host) -> None:
    fleet.holds_polls = True
    agent = host.agent(EDIT, wait_secs=20)
    with host.running(agent):
        fleet.wait_for(lambda: fleet.count("dequeue"))
        agent.stop()
        fleet.wait_for(lambda: fleet.count("deregister"))
        task = fleet.add()
        fleet.wait_for(lambda: fleet.requeued)
    assert fleet.requeued == [task.task_id]


def test_it_tidies_while_it_lives(fleet: Fleet, host: Host) -> None:
    live = fleet.add()
    agent = host.agent(FOREVER, slots=2, tidy_every_secs=0)
    with host.running(agent):
        fleet.wait_for(lambda: runs(live))
        root = host.work_dir / "work"
        old = Workspace(root, "old", 1).path
        old.mkdir()
        agent._journal.write(Entry(live.task_id, 1, "", open=False, at=0.0))
        agent._journal.write(Entry("old", 1, "", open=False, at=0.0))
        fleet.wait_for(lambda: not old.exists())
        assert (Workspace(root, live.task_id, 1).tree / "README.md").exists()


def test_a_bug_of_ours_costs_its_run_and_is_told(fleet: Fleet, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(attempt: Attempt, site: Site) -> bool:
        raise KeyError("no such thing")

    task = fleet.add()
    with monkeypatch.context() as patch, host.running(host.agent(EDIT)):
        patch.setattr("bot.agent.agent.work_on", bug)
        told = fleet.ends(task)
        patch.undo()
        assert fleet.ends(fleet.add())["outcome"] == "done"
    assert (told["outcome"], told["reason"]) == ("failed", "infrastructure")
    assert told["message"].endswith("this task: KeyError: 'no such thing'")
    assert not [entry for entry in Journal(host.work_dir).entries() if entry.open]
    assert not fleet.requeued


def test_a_failure_that_cannot_be_told_is_logged(fleet: Fleet, host: Host) -> None:
    fleet.instead["source"].append(problem(409, "No base branch.", "no_base"))
    fleet.instead["complete"] += [problem(422, "Odd words.", "odd"), problem(422, "Odd again.", "odd")]
    fleet.add(state="queued")
    with capture_logs() as logs, host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: fleet.count("complete") == 2)
        assert fleet.ends(fleet.add())["outcome"] == "done"
    assert [said["why"] for said in logs if said["event"] == "end of a run not taken"] == ["Odd again."]


def test_its_token_is_in_no_argument_and_no_environment(
    fleet: Fleet, host: Host, started: subprocess.Popen[bytes]
) -> None:
    task = fleet.add()
    fleet.wait_for(lambda: runs(task))
    secrets = [fleet.hand_out_token.encode(), host.token_file.read_bytes().strip()]
    for pid in [started.pid, *marked(host.work_dir)]:
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert not [secret for secret in secrets if secret in seen]


def test_a_lost_goodbye_is_no_error(fleet: Fleet, host: Host) -> None:
    fleet.instead["deregister"].append(LOST)
    with host.running(host.agent(EDIT)):
        fleet.wait_for(lambda: fleet.count("heartbeat"))
    assert fleet.count("deregister") == 2


def test_a_claim_refused_because_we_left_is_no_error(fleet: Fleet, host: Host) -> None:
    agent = host.agent(EDIT)
    agent.stop()
    with pytest.raises(GivenUp):
        agent._ask("after-the-goodbye")  # nobody has registered: 404


def test_a_forbidden_heartbeat_ends_the_agent(fleet: Fleet, host: Host) -> None:
    fleet.instead["heartbeat"].append(problem(403, "Not your id.", "not_yours"))
    with pytest.raises(Refused, match="Not your id"):
        host.agent(EDIT).run()
