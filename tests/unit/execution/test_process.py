"""Running an agent command: what it is given, what is heard of it, and that nothing of it is left."""

import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from bot.core.errors import Refused
from bot.execution.process import MARKER, Command, Ended, Run, end_run, environment


class Heard:
    """Collects output."""

    def __init__(self) -> None:
        self.out = b""
        self.err = b""

    def __call__(self, name: str, chunk: bytes) -> None:
        if name == "stdout":
            self.out += chunk
        else:
            self.err += chunk


def python(
    tmp_path: Path,
    code: str,
    *,
    argv: Sequence[str] = (),
    prompt: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout_secs: float = 60,
    stall_secs: float = 60,
    grace_secs: float = 30,
) -> Command:
    named = environment(tmp_path, tmp_path, env or {}, os.environ)
    return Command(
        argv=[sys.executable, "-u", "-c", code, *argv],
        cwd=tmp_path,
        run_id=f"run-{uuid4()}",
        env=named,
        prompt=prompt,
        timeout_secs=timeout_secs,
        stall_secs=stall_secs,
        grace_secs=grace_secs,
    )


def done(command: Command) -> tuple[Ended, Heard]:
    heard = Heard()
    return Run(command).run(heard), heard


def marked(run_id: str) -> list[int]:
    """Living processes that carry the marker, found independently of the code under test."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and f"{MARKER}={run_id}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def test_output_and_exit_code_come_back(tmp_path: Path) -> None:
    command = python(tmp_path, "import sys; print('hello'); print('oh', file=sys.stderr); sys.exit(3)")
    ended, heard = done(command)
    assert (heard.out, heard.err) == (b"hello\n", b"oh\n")
    assert (ended.exit_code, ended.signal, ended.killed_by, ended.left) == (3, None, None, ())
    assert ended.output_bytes == 9
    assert ended.started_at <= ended.ended_at


def test_a_command_killed_from_outside_tells_the_signal(tmp_path: Path) -> None:
    ended, _ = done(python(tmp_path, "import os; os.kill(os.getpid(), 11)"))
    assert (ended.exit_code, ended.signal, ended.killed_by) == (None, 11, None)


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param(b"$(touch pwned) `x`; ' \" \\ \r\n\x00\xff" * 15_000, id="hostile, 300 KB"),
        pytest.param(b"", id="empty"),
    ],
)
def test_the_prompt_arrives_whole_and_then_ends(tmp_path: Path, prompt: bytes) -> None:
    ended, heard = done(python(tmp_path, "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", prompt=prompt))
    assert heard.out == prompt
    assert ended.exit_code == 0


def test_a_command_that_never_reads_its_prompt_still_ends(tmp_path: Path) -> None:
    ended, heard = done(python(tmp_path, "print('done')", prompt=b"x" * 300_000))
    assert (ended.exit_code, heard.out) == (0, b"done\n")


def test_a_flood_is_passed_on_whole_in_small_pieces(tmp_path: Path) -> None:
    sizes: list[int] = []
    code = "import sys\nfor _ in range(800): sys.stdout.buffer.write(b'x' * 65536)"
    ended = Run(python(tmp_path, code)).run(lambda name, chunk: sizes.append(len(chunk)))
    assert sum(sizes) == ended.output_bytes == 800 * 65536
    assert max(sizes) <= 65536


def test_only_the_allowed_environment_arrives(tmp_path: Path) -> None:
    outside = {
        "PATH": os.environ["PATH"],
        "LC_TIME": "C",
        "SECRET": "hunter2",
        "GIT_DIR": "/x",
        "HOME": "/root",
    }
    env = environment(tmp_path / "home", tmp_path / "tmp", {"MODEL_KEY": "k"}, outside)
    command = Command(["env"], tmp_path, "run-1", env)
    _, heard = done(command)
    names = {line.split("=")[0] for line in heard.out.decode().splitlines()}
    assert names == {
        "PATH", "LC_TIME", "TERM", "NO_COLOR", "CI", "GIT_TERMINAL_PROMPT", "GIT_EDITOR", "PAGER",
        "HOME", "TMPDIR", "MODEL_KEY", MARKER,
    }  # fmt: skip
    assert f"HOME={tmp_path / 'home'}".encode() in heard.out


def test_too_long_ends_by_timeout_although_it_keeps_talking(tmp_path: Path) -> None:
    ended, _ = done(python(tmp_path, "while True: print('still here')", timeout_secs=0.5))
    assert (ended.killed_by, ended.signal) == ("timeout", 15)


def test_silence_ends_by_stall(tmp_path: Path) -> None:
    ended, _ = done(python(tmp_path, "import signal; signal.pause()", stall_secs=0.3))
    assert (ended.killed_by, ended.signal) == ("stall", 15)
    assert ended.max_silence_secs >= 0.3


IGNORES_TERM = "import signal; signal.signal(15, signal.SIG_IGN); print('ready')\nwhile True: signal.pause()"


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    run = Run(python(tmp_path, IGNORES_TERM, grace_secs=0.2))
    ended = run.run(lambda name, chunk: run.stop("cancelled by alice"))
    assert (ended.killed_by, ended.signal, ended.left) == ("cancelled by alice", 9, ())


def test_last_words_in_the_grace_are_heard_however_long(tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "def bye(*_): sys.stdout.buffer.write(b'x' * 500_000); sys.exit(7)\n"
        "signal.signal(15, bye); print('ready', file=sys.stderr)\n"
        "while True: signal.pause()"
    )
    heard = Heard()
    run = Run(python(tmp_path, code))

    def hear(name: str, chunk: bytes) -> None:
        heard(name, chunk)
        if b"ready" in heard.err:
            run.stop("enough")

    ended = run.run(hear)
    assert len(heard.out) == 500_000
    assert (ended.exit_code, ended.killed_by) == (7, "enough")


@pytest.mark.parametrize("ignores", ["", "signal.signal(15, signal.SIG_IGN)"])
def test_a_daemon_that_left_group_and_session_is_found_and_ended(tmp_path: Path, ignores: str) -> None:
    daemon = (
        f"import os, signal; {ignores or 'pass'}\n"
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid()); os.write(w, b'x')\n"
        "        while True: signal.pause()\n"
        "    os._exit(0)\n"
        "os.read(r, 1)"
    )
    command = python(tmp_path, daemon, grace_secs=0.2)
    ended, heard = done(command)
    assert int(heard.out) > 0
    assert (ended.exit_code, ended.killed_by, ended.left) == (0, None, ())
    assert marked(command.run_id) == []


def test_a_child_with_an_empty_environment_is_found_by_its_session(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([{sys.executable!r}, '-uc', "
        "'import os, signal; os.setpgid(0, 0); print(os.getpid()); signal.pause()"
        "'], env={}, stdout=subprocess.PIPE)\n"
        "print(int(p.stdout.readline()))"
    )
    ended, heard = done(python(tmp_path, code))
    assert ended.left == ()
    stat = Path(f"/proc/{int(heard.out)}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_an_error_in_the_callback_ends_the_run_and_goes_on(tmp_path: Path) -> None:
    command = python(tmp_path, IGNORES_TERM)

    def breaks(name: str, chunk: bytes) -> None:
        raise KeyError("disk full")

    with pytest.raises(KeyError, match="disk full"):
        Run(command).run(breaks)
    assert marked(command.run_id) == []


def test_stop_before_the_start_and_after_the_end_are_both_harmless(tmp_path: Path) -> None:
    run = Run(python(tmp_path, "import signal; signal.pause()"))
    run.stop("too late anyway")
    assert run.run(Heard()).killed_by == "too late anyway"
    run.stop("again")


def test_stop_comes_from_another_thread(tmp_path: Path) -> None:
    run = Run(python(tmp_path, "import signal; print('ready'); signal.pause()"))
    ready = threading.Event()

    def stop_when_ready() -> None:
        assert ready.wait(60)
        run.stop("drain")

    stopper = threading.Thread(target=stop_when_ready)
    stopper.start()
    ended = run.run(lambda name, chunk: ready.set())
    stopper.join()
    assert ended.killed_by == "drain"


def test_what_an_earlier_life_left_is_ended_by_its_marker(tmp_path: Path) -> None:
    run_id = f"run-{uuid4()}"
    code = "import signal; print('ready', flush=True); signal.pause()"
    with subprocess.Popen(
        [sys.executable, "-c", code], env={MARKER: run_id}, stdout=subprocess.PIPE, start_new_session=True
    ) as left:
        assert left.stdout is not None
        left.stdout.readline()
        assert end_run(run_id, 30) == ()
        assert left.wait() == -15


@pytest.mark.parametrize(
    ("argv", "env", "says"),
    [
        (["echo", "a\0b"], {}, "the command line holds a NUL character"),
        (["echo"], {"X": "a\0b"}, "the environment variable “X” holds a NUL character"),
        (["echo", "x" * 131_072], {}, "one word of the command line is 131072 bytes"),
        (["no-such-agent"], {}, "“no-such-agent” is not installed"),
    ],
)
def test_what_no_process_can_be_given_is_refused_in_words(
    tmp_path: Path, argv: list[str], env: dict[str, str], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        Run(Command(argv, tmp_path, "run-1", {"PATH": os.environ["PATH"], **env}))


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="util-linux's setpriv is not installed")
def test_the_command_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from bot.execution.process import Command, Run\n"
        "def die(name, chunk): os.write(1, chunk); os.kill(os.getpid(), 9)\n"
        "child = 'import os, signal; print(os.getpid(), flush=True); signal.pause()'\n"
        "command = Command([sys.executable, '-c', child], Path('.'), 'run-1', {'PATH': os.environ['PATH']})\n"
        "Run(command).run(die)"
    )
    project = Path(__file__).parents[3]
    parent = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(project)}, stdout=subprocess.PIPE
    )
    assert parent.returncode == -9
    try:
        child = os.pidfd_open(int(parent.stdout))
    except ProcessLookupError:
        return  # gone and buried
    assert select.select([child], [], [], 60)[0] == [child]
    os.close(child)
