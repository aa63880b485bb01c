"""Runs on a host: started once, outliving us, ended whole."""

import os
import random
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import Refused
from bot.execution.host_errors import HostBroken, Unreachable
from bot.execution.host_workspace import HostWorkspace
from bot.execution.hosts import Host, Kind, Piece, RunState
from tests.hosts.conftest import Door, JobOf, Site
from tests.hosts.machines import Sshd, carriers, until


def ended(host: Host, run_id: str) -> RunState:
    def look() -> RunState | None:
        state = host.status(run_id)
        return state if state.kind is not Kind.RUNNING else None

    return until(look, f"the end of {run_id}")


def output(host: Host, run_id: str, stream: str = "stdout") -> bytes:
    """All of a stream, read on from the last offset as the orchestrator does."""
    found = b""
    while True:
        piece: Piece = host.tail(run_id, stream, len(found))
        found += piece.data
        if piece.is_last:
            return found
        if not piece.data:
            ended(host, run_id)


@pytest.mark.parametrize("way", ["host", "here"])
def test_a_run_does_its_work(way: str, request: pytest.FixtureRequest, job: JobOf) -> None:
    host: Host = request.getfixturevalue(way)
    script = 'cat; echo "$WORD|$PWD|$HOME" >&2; echo note >"$AGENT_NOTES"; exit 7'
    one = job(
        host, "r1", script, prompt=b"do it\n", env={"WORD": "a b", "AGENT_NOTES": host.run_dir("r1") + "/files/n"}
    )
    assert host.start(one)
    assert ended(host, "r1") == RunState(Kind.ENDED, exit_code=7, silent_secs=ended(host, "r1").silent_secs)
    assert output(host, "r1") == b"do it\n"
    word, cwd, home = output(host, "r1", "stderr").decode().strip().split("|")
    assert word == "a b"
    assert cwd.endswith("/tree")
    assert home.endswith("/home")
    assert host.tail("r1", "file.n", 0).data == b"note\n"


def test_its_environment_is_what_was_named_and_nothing_else(
    here: Host, job: JobOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "canary")
    here.start(job(here, "env", "env", env={"A": "1"}))
    ended(here, "env")
    names = {line.partition("=")[0] for line in output(here, "env").decode().splitlines()}
    assert names <= {"PATH", "LANG", "TZ", "HOME", "TMPDIR", "A", "AGENT_FLEET_RUN", "PWD", "SHLVL", "_", "OLDPWD"}


def test_secrets_of_the_host_come_from_its_files(
    host: Host, job: JobOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secret") / "key"
    secret.write_text("s3cret\n")
    host.start(job(host, "key", 'printf %s "$MODEL_KEY"', env_files={"MODEL_KEY": str(secret)}))
    ended(host, "key")
    assert output(host, "key") == b"s3cret"
    host.start(job(host, "nokey", "true", env_files={"MODEL_KEY": f"{secret}.missing"}))
    assert ended(host, "nokey").killed_by == "no_env_file"


def test_a_log_in_comes_along_and_one_renewed_since_stays(
    host: Host, job: JobOf, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    login = site.first.path / "home" / ".cli" / "auth.json"
    login.parent.mkdir()
    login.write_text("first")
    login.chmod(0o644)
    outside = tmp_path_factory.mktemp("outside")
    (outside / "other").write_text("nobody's log-in")
    (login.parent / "linked").symlink_to(outside / "other")
    show = "cat .cli/auth.json; stat -c %a .cli/auth.json; ls .cli; echo renewed >.cli/auth.json"
    copies = [".cli/auth.json", ".cli/linked", ".cli/none/at/all.json"]

    def shown(run_id: str) -> str:
        host.start(job(host, run_id, f"cd; {show}", copies=copies))
        assert ended(host, run_id).exit_code == 0
        return output(host, run_id).decode()

    assert shown("l1") == "first600\nauth.json\n"
    assert shown("l2").startswith("renewed\n600")
    login.write_text("logged in anew")
    later = login.stat().st_mtime + 10
    os.utime(login, (later, later))
    assert shown("l3").startswith("logged in anew600")
    home = Path(HostWorkspace(host, "owner/repo#7", 3).home)
    shutil.rmtree(home / ".cli")
    (home / ".cli").symlink_to(outside)
    assert shown("l4").startswith("logged in anew600")
    assert [path.name for path in outside.iterdir()] == ["other"]
    with pytest.raises(Refused, match="not a path inside"):
        host.start(job(host, "l5", "true", copies=["../secret"]))


def test_started_twice_it_runs_once(host: Host, door: Door, job: JobOf) -> None:
    one = job(host, "twice", 'echo once; cat "$HOME/x" 2>/dev/null; sleep 30')
    others = [Host(door()) for _ in range(4)]
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda h=h: answers.append(h.start(one))) for h in (host, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, False, True]
    until(lambda: host.tail("twice", "stdout", 0).data, "its output")
    assert host.stop("twice", "cancel", 1).killed_by == "cancel"
    assert not host.start(one)
    assert output(host, "twice") == b"once\n"


def test_another_orchestrator_adopts_what_runs(host: Host, door: Door, job: JobOf) -> None:
    host.start(job(host, "adopt", "echo one; read -r line; echo two; sleep 60", prompt=b"x\n"))
    until(lambda: b"two" in host.tail("adopt", "stdout", 0).data, "its words")
    host.close()
    heir = Host(door())
    [seen] = heir.runs()
    assert (seen.run_id, seen.state.kind, seen.stdout_bytes) == ("adopt", Kind.RUNNING, 8)
    assert heir.tail("adopt", "stdout", 4).data == b"two\n"
    assert heir.stop("adopt", "cancel", 1).left == ()
    assert carriers("adopt") == []


def test_a_run_goes_on_when_the_hosts_sshd_is_killed(door: Door, job: JobOf, site: Site, tmp_path: Path) -> None:
    server = Sshd(tmp_path / "crashing", site.key)
    try:
        host = Host(door(server))
        gate = tmp_path / "gate"
        host.start(job(host, "crash", f"echo before; while [ ! -e {gate} ]; do sleep 0.05; done; echo after"))
        until(lambda: host.tail("crash", "stdout", 0).data, "its output")
        server.kill_all()
        with pytest.raises(Unreachable):
            host.status("crash")
        server.start()
        assert host.status("crash").kind is Kind.RUNNING
        gate.touch()
        assert ended(host, "crash").exit_code == 0
        assert output(host, "crash") == b"before\nafter\n"
    finally:
        server.kill_all()


def says_its_pid(host: Host, run_id: str) -> None:
    until(lambda: host.tail(run_id, "stdout", 0).data, "its pid")


def test_disconnects_at_any_moment_leave_nothing_and_double_nothing(door: Door, job: JobOf) -> None:
    steady = Host(door())
    chance = random.Random(4)
    for number in range(20):
        run_id = f"flap-{number}"
        one = job(steady, run_id, "echo $$; sleep 300 & sleep 300")
        flaky = door()
        flaky.run(["ping"])
        cut = threading.Timer(chance.random() * 0.03, flaky.cut)
        cut.start()
        try:
            Host(flaky).start(one)
        except Unreachable:
            assert steady.start(one) in (True, False)
        cut.join()
        says_its_pid(steady, run_id)
        assert len(steady.tail(run_id, "stdout", 0).data.splitlines()) == 1
        assert steady.stop(run_id, "cancel", 1).left == ()
        assert carriers(run_id) == []


STUBBORN = """
trap '' TERM
(trap '' TERM; setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &)
(trap '' TERM; while :; do sleep 1; done) &
echo ready
while :; do sleep 1; done
"""


def test_nothing_escapes_a_stop(host: Host, job: JobOf) -> None:
    host.start(job(host, "stubborn", STUBBORN))
    until(lambda: host.tail("stubborn", "stdout", 0).data, "its children")
    assert len(carriers("stubborn")) > 3
    state = host.stop("stubborn", "cancel", 1)
    assert (state.kind, state.signal, state.killed_by, state.left) == (Kind.ENDED, 9, "cancel", ())
    assert carriers("stubborn") == []


def test_what_a_finished_agent_leaves_behind_is_ended(host: Host, job: JobOf) -> None:
    host.start(job(host, "hub", "setsid sleep 300 </dev/null >/dev/null 2>&1 & echo done"))
    assert ended(host, "hub").exit_code == 0
    assert carriers("hub") == []


def test_the_time_limit_holds_without_us(host: Host, door: Door, job: JobOf) -> None:
    host.start(job(host, "late", "sleep 300 & sleep 300", timeout_secs=1))
    host.close()
    until(lambda: not carriers("late"), "its end")
    state = ended(Host(door()), "late")
    assert (state.signal, state.killed_by) == (15, "timeout")


def test_a_flood_of_output_is_read_in_pieces_and_cut_off(host: Host, job: JobOf) -> None:
    host.start(job(host, "flood", "yes flood", max_log_bytes=30_000_000))
    assert ended(host, "flood").killed_by == "output"
    seen = host.runs()[0].stdout_bytes
    assert seen > 30_000_000
    offset = 0
    while offset < 30_000_000:
        piece = host.tail("flood", "stdout", offset, 4_000_000)
        assert 0 < len(piece.data) <= 4_000_000
        offset = piece.end
    assert host.remove("flood")


def test_exit_codes_are_told_from_signals(host: Host, job: JobOf) -> None:
    host.start(job(host, "code", "exit 145"))
    host.start(job(host, "sig", "kill -9 $$", task="other"))
    assert ended(host, "code").exit_code == 145
    assert (ended(host, "sig").exit_code, ended(host, "sig").signal) == (None, 9)


def test_a_run_whose_watcher_died_is_lost_and_can_be_cleared(host: Host, job: JobOf) -> None:
    host.start(job(host, "orphan", "echo up; sleep 300"))
    until(lambda: host.tail("orphan", "stdout", 0).data, "its start")
    os.kill(int(Path(host.run_dir("orphan"), "supervisor").read_text().split()[0]), 9)
    assert until(lambda: host.status("orphan").why, "the loss") == "gone"
    assert carriers("orphan") != []
    assert host.stop("orphan", "lost", 1).left == ()
    assert carriers("orphan") == []
    assert host.remove("orphan")
    assert host.status("orphan").kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "prompt",
    [b"-rf --help", b"x" * 300_000, b"'\"`$(touch /tmp/never)\n\n\\", b"", b"\xff\xfe\n", b"name base64\n\nmore\n"],
    ids=["dash", "300 KB", "quotes", "empty", "not UTF-8", "like a request"],
)
def test_prompts_arrive_as_they_are(host: Host, job: JobOf, prompt: bytes) -> None:
    host.start(job(host, "prompt", "cat", prompt=prompt))
    ended(host, "prompt")
    assert output(host, "prompt") == prompt


HOSTILE = ["-n", "a'b\"c", "$(touch canary)", "`x`", "two\nlines\n", "*", "\\", "a=b", "tab\t", "ü\udcff"]


def test_hostile_words_stay_words(host: Host, job: JobOf) -> None:
    script = 'printf "%s\\0" "$V" "$@"'
    one = job(host, "words", script, env={"V": HOSTILE[4]})
    host.start(replace(one, argv=[*one.argv, "sh", *HOSTILE]))
    ended(host, "words")
    found = output(host, "words").decode("utf-8", "surrogateescape").split("\0")
    assert found == [HOSTILE[4], *HOSTILE, ""]


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": b"a\0b"}, {"env": {"A": "\0"}}, {"argv": ["x\0"]}, {"argv": []}, {"argv": ["A=b"]},
        {"argv": ["x", "y" * 200_000]}, {"env": {"A;B": "c"}}, {"env": {"AGENT_FLEET_RUN": "x"}},
        {"inherit": ["A B"]}, {"files": {"../x": ""}}, {"files": {"/etc/x": ""}}, {"run_id": "../x"},
        {"run_id": ".."}, {"run_id": "a b"}, {"run_id": "x" * 65}, {"run_id": "a\0"},
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_sent(host: Host, job: JobOf, changes: dict[str, object]) -> None:
    one = job(host, "never", "true")
    with pytest.raises(Refused):
        host.start(replace(one, **changes))  # type: ignore[arg-type]
    assert host.runs() == []
    assert host.way.connections == 1  # type: ignore[attr-defined]


def test_a_stale_attempt_starts_nothing(host: Host, job: JobOf) -> None:
    one = job(host, "old", "true")
    for fence in (2, 4):
        with pytest.raises(HostBroken) as refused:
            host.start(replace(one, fence=fence))
        assert refused.value.kind == "stale_fence"
    with pytest.raises(HostBroken) as refused:
        host.start(replace(one, workspace="nowhere"))
    assert refused.value.kind == "stale_fence", "nobody has prepared that one"
    assert host.runs() == [], "the place that was made meanwhile is gone"
    assert host.start(one), "and free for whoever may have it"
