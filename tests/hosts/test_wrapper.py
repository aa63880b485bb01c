"""The script as such: what it says to nonsense, and how its answers are read."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.execution import calls
from bot.execution.calls import Answer, Finished, Reply
from bot.execution.host_errors import HostBroken
from bot.execution.hosts import Host, Kind, RunState
from tests.hosts.machines import need


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not here; install it to have the wrapper checked")
    script = tmp_path / "wrapper.sh"
    script.write_bytes(calls.wrapper())
    done = subprocess.run(["shellcheck", "-s", "sh", "-f", "gcc", str(script)], capture_output=True, text=True)
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_every_usual_sh_understands_it(tmp_path: Path, shell: str) -> None:
    need(shell, shutil.which(shell), "it is /bin/sh somewhere")
    script = tmp_path / "wrapper.sh"
    script.write_bytes(calls.wrapper())
    subprocess.run([shell, "-n", str(script)], check=True)
    done = subprocess.run([shell, str(script), str(tmp_path), "x", "status", "none"], capture_output=True, text=True)
    assert done.stdout == "agent-fleet 1\nstate unknown\n"


def test_the_command_has_no_quote_that_a_login_shell_could_trip_over() -> None:
    assert "'" not in calls.BOOTSTRAP
    assert "\n" not in calls.BOOTSTRAP


def said(host: Host, stdin: bytes, *words: str) -> Answer:
    host.ping()
    return host.way.run(words, [stdin])


@pytest.mark.parametrize(
    ("words", "stdin", "kind"),
    [
        (("nonsense",), b"", "request"),
        (("status",), b"", "request"),
        (("supervise", "x", "y"), b"", "request"),
        (("supervise", "x"), b"", "request"),
        (("start", "x"), b"", "incomplete"),
        (("start", "x"), b"size NQ==\n", "incomplete"),
        (("start", "x"), b"size NQ==\nworkspace dw==\nfence MQ==\n\nabc", "incomplete"),
        (("start", "x"), b"other NQ==\n\n", "request"),
        (("start", "x"), b"size $(reboot)\n\n", "request"),
        (("start", "x"), b"size NQ==\nworkspace Li4=\nfence MQ==\n\n12345", "request"),
        (("tail", "x", "stdout", "0", "1"), b"", "unknown_run"),
        (("tail", "x", "stdout", "a", "1"), b"", "request"),
        (("stop", "x", "why", "99999"), b"", "request"),
        (("prepare", "k", "1"), b"repository Li4=\n\n", "request"),
        (("feed", "r"), b"size NQ==\n\n12345", "source"),
        (("collect", "k", "1"), b"max_file_bytes MQ==\n\n", "stale_fence"),
    ],
)
def test_nonsense_is_refused_by_kind(here: Host, words: tuple[str, ...], stdin: bytes, kind: str) -> None:
    answer = said(here, stdin, *words)
    assert answer.exit_code == 1
    assert answer.stderr.rstrip().splitlines()[-1] == f"agent-fleet-error {kind}"
    assert here.runs() == []


def read(*chunks: bytes, code: int = 0, stderr: str = "") -> tuple[Reply, bytes]:
    body = bytearray()
    reply = Reply("h", body.extend)
    for chunk in chunks:
        reply.feed(chunk)
    reply.finish(Finished(code, stderr))
    return reply, bytes(body)


def test_an_answer_is_read_however_it_is_cut() -> None:
    whole = b"Welcome!\nagent-fleet 1\na 1\nb two words\n\nbody\n\nagent-fleet 1\n"
    for size in range(1, len(whole) + 1):
        reply, body = read(*(whole[at : at + size] for at in range(0, len(whole), size)))
        assert reply.fields == [("a", "1"), ("b", "two words")]
        assert body == b"body\n\nagent-fleet 1\n"


def test_what_is_no_answer_is_not_taken_for_one() -> None:
    for chunks, code, stderr, kind in (
        ([b"hello\n"], 0, "", "answer"),
        ([b"agent-fleet 1\na 1\n"], 1, "bad\nagent-fleet-error busy\n", "busy"),
        ([b"agent-fleet 1\n"], 1, "x: No space left on device", "no_space"),
        ([b"x" * 300_000], 0, "", "answer"),
        ([b"agent-fleet 1\n", b"x" * 9_000_000], 0, "", "answer"),
    ):
        with pytest.raises(HostBroken) as broken:
            read(*chunks, code=code, stderr=stderr)
        assert broken.value.kind == kind
    reply, _ = read(b"agent-fleet 1\n")
    with pytest.raises(HostBroken, match="no state"):
        reply.value("state")


def test_states_are_read_as_said_or_not_at_all() -> None:
    assert RunState.read("ended - 9 timeout 12,13") == RunState(
        Kind.ENDED, signal=9, killed_by="timeout", left=(12, 13)
    )
    assert RunState.read("lost boot") == RunState(Kind.LOST, why="boot")
    for words in ("", "ended", "running now", "else", "ended a b c d"):
        with pytest.raises(ValueError):
            RunState.read(words)
