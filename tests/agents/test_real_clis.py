"""The real CLIs, at the versions of `versions.toml`, against a model on loopback: a turn, a resumed turn, an error.

Run by ``make test-agents``, for some of them by ``make test-agents CLIS="codex gemini"``. Nothing leaves the
machine but the installation from the registries, Node.js included where the machine's is too old or missing. Without
the Python that a CLI needs its tests are skipped and say so; where ``CI`` is set they fail.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.base import Progress, Verdict
from bot.adapters.registry import adapter
from bot.core.reasons import Reason
from tests.agents.drive import Seat, Turn
from tests.agents.installs import Missing, cli_names, installed
from tests.agents.pointing import POINTINGS
from tests.agents.stub_model import KEY, MODEL, Play, StubModel

pytestmark = [pytest.mark.real, pytest.mark.agents, pytest.mark.timeout(1200)]

CLIS: Final = os.environ.get("CLIS", "").split() or cli_names()
RESUMED: Final = [name for name in CLIS if adapter(name, {}).can_resume]
#: Those whose usage is in what they print or leave.
COUNTED: Final = ("codex", "claude-code", "gemini", "opencode", "qwen-code", "copilot", "pi", "cline", "aider")
#: Where giving up soon and leaving nothing behind is tried, too.
THOROUGH: Final = [name for name in ("codex", "claude-code", "gemini", "opencode") if name in CLIS]
#: They retry for minutes and cannot be told otherwise.
PATIENT: Final = ("mini-swe-agent", "cline")
PROMPT: Final = "--help me: write the file made.txt.\n'\"$(touch injected)`touch injected`\n@/etc/hostname ä\n"


def there(name: str) -> list[Path]:
    """Folders for PATH."""
    try:
        return installed(name)
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{name}: {missing}")
        pytest.skip(f"{name}: {missing}")


def seat(name: str, tmp_path: Path, model: StubModel) -> Seat:
    path = there(name)
    pointing = POINTINGS[name](model.url)
    if model.play == Play():
        model.play = pointing.play
    found = Seat(name, tmp_path, path, pointing)
    if name == "cline":
        words = ("--provider", "openai-compatible", "--apikey", KEY, "--modelid", MODEL, "--baseurl", f"{model.url}/v1")
        found.tell("cline", "auth", *words)
    return found


def good(turn: Turn, one: Seat) -> None:
    told = f"{turn.outcome}\n{turn.ended}\n{turn.output[-3000:]}"
    assert turn.outcome.verdict is Verdict.DONE, told
    assert turn.outcome.terminal_event, told
    assert turn.outcome.unparsed == 0, told
    assert turn.ended.left == ()
    assert any(isinstance(said, Progress) for said in turn.said) or one.name == "mini-swe-agent", told
    assert KEY not in turn.output
    assert not (one.work / "injected").exists()


@pytest.mark.parametrize("name", CLIS)
def test_a_whole_turn_edits_a_file(name: str, tmp_path: Path) -> None:
    with StubModel(Play()) as model:
        one = seat(name, tmp_path, model)
        turn = one.turn(PROMPT)
        good(turn, one)
        assert (one.work / "made.txt").read_text() == "turn-1\n"
        whole = "".join(asked.body for asked in model.asked)
        if adapter(name, {}).prompt_on_stdin:
            assert "--help me: write the file made.txt." in whole
    if name in COUNTED:
        assert sum(usage.input_tokens for usage in turn.usage) >= 100
        assert sum(usage.output_tokens for usage in turn.usage) >= 20


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_turn_knows_the_first_one(name: str, tmp_path: Path) -> None:
    with StubModel(Play()) as model:
        one = seat(name, tmp_path, model)
        first = one.turn(PROMPT)
        good(first, one)
        assert first.session
        second = one.turn("Go on.", first.session, resume=True)
        good(second, one)
        assert second.session == first.session
        made = (one.work / "made.txt").read_text()
        # Aider asks once more when the answer names a file that it had not been given.
        assert (made.removesuffix("turn-3\n") if name == "aider" else made) == "turn-1\nturn-2\n"


@pytest.mark.parametrize("name", [name for name in CLIS if name not in PATIENT])
def test_a_wrong_key_is_a_failure_that_says_so(name: str, tmp_path: Path) -> None:
    with StubModel(Play(status=401)) as model:
        one = seat(name, tmp_path, model)
        turn = one.turn(PROMPT)
    assert turn.outcome.verdict is Verdict.FAILED
    assert turn.outcome.reason is Reason.AUTH, f"{turn.outcome}\n{turn.ended}\n{turn.output[-3000:]}"
    assert turn.ended.killed_by is None


@pytest.mark.parametrize("name", CLIS)
def test_its_version_is_the_pinned_one(name: str, tmp_path: Path) -> None:
    with StubModel(Play()) as model:
        one = seat(name, tmp_path, model)
        words = adapter(name, {}).probe()
        if words:
            one.tell(*words)


@pytest.mark.parametrize("name", THOROUGH)
def test_a_rate_limit_is_given_up_within_a_minute(name: str, tmp_path: Path) -> None:
    """Left alone, two of them would go on for more than three."""
    with StubModel(Play(status=429)) as model:
        one = seat(name, tmp_path, model)
        turn = one.turn(PROMPT)
    assert turn.outcome.reason is Reason.RATE_LIMITED, f"{turn.outcome}\n{turn.ended}\n{turn.output[-3000:]}"
    assert turn.ended.killed_by is None
    assert turn.ended.ended_at - turn.ended.started_at < 60


@pytest.mark.parametrize("name", THOROUGH)
def test_a_run_that_is_ended_leaves_no_process(name: str, tmp_path: Path) -> None:
    """Some start the agent's shell in a session of its own, where no signal to the group reaches it."""
    with StubModel(Play(command="touch begun; tail -f /dev/null")) as model:
        one = seat(name, tmp_path, model)
        turn = one.turn(PROMPT, secs=8 if name == "codex" else 20)  # codex stops waiting for a command after 10 s
    assert (one.work / "begun").exists(), turn.output[-3000:]
    assert turn.ended.killed_by == "timeout"
    assert turn.outcome.verdict is Verdict.FAILED
    assert not at_home_in(tmp_path)


def at_home_in(folder: Path) -> list[str]:
    """Processes whose working directory lies below ``folder``."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):  # it ended meanwhile, or is another user's
                if (process / "cwd").readlink().is_relative_to(folder):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
