"""Every recorded run of a real CLI comes to what `expected.txt` beside it says."""

import re
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.base import Ended, Exit, Progress, Question, Verdict
from bot.adapters.registry import adapter, adapters
from tests.unit.adapters.table import row, table
from tests.unit.adapters.transcripts import Transcript, folders, play, transcripts

ALL: Final = list(transcripts())
#: Those that say live what they do.
TELLING: Final = ("codex", "claude", "gemini", "opencode", "qwen", "copilot", "pi", "kimi-code", "cline")


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_each_scenario_comes_to_what_its_table_says(folder: Path) -> None:
    rows = [row(one, one.play()) for one in ALL if one.folder == folder]
    assert table(rows).splitlines() == (folder / "expected.txt").read_text("utf-8").splitlines()


def test_every_adapter_has_transcripts() -> None:
    recorded = {type(one.adapter()) for one in ALL}
    assert {kind.names[0] for kind in adapters().values() if kind not in recorded} == {"exec"}


@pytest.mark.parametrize("transcript", ALL, ids=str)
def test_a_good_run_ends_with_exit_0_and_a_positive_event(transcript: Transcript) -> None:
    played = transcript.play()
    ends = [one for one in played.said if isinstance(one, Ended)]
    if played.outcome.verdict is Verdict.DONE:
        assert transcript.meta["exit_code"] == 0
        assert played.outcome.terminal_event
        assert not ends or ends[-1].good
    else:
        assert played.outcome.reason is not None
        assert played.outcome.message


@pytest.mark.parametrize("transcript", [one for one in ALL if one.scenario == "ok"], ids=str)
def test_the_same_output_with_another_exit_is_not_good(transcript: Transcript) -> None:
    output = [(name, transcript.stream(name)) for name in ("stdout", "stderr")]
    for ended in (Exit(1), Exit(143), Exit(None, 9)):
        files = transcript.exit().files
        outcome = play(transcript.adapter(), output, Exit(ended.exit_code, ended.signal, files)).outcome
        assert outcome.verdict is Verdict.FAILED
        assert outcome.reason in ("crashed", "killed")


@pytest.mark.parametrize("transcript", [one for one in ALL if one.scenario == "ok"], ids=str)
def test_good_output_without_its_last_lines_is_not_good(transcript: Transcript) -> None:
    """A kill at any moment: no prefix that lacks the terminal event passes for success."""
    lines = transcript.stream("stdout").splitlines(keepends=True)
    whole = transcript.play()
    assert whole.outcome.verdict is Verdict.DONE
    for count in range(len(lines)):
        played = play(transcript.adapter(), [("stdout", b"".join(lines[:count]))], Exit(0))
        if not any(isinstance(one, Ended) for one in played.said):
            assert played.outcome.verdict is Verdict.FAILED, count


@pytest.mark.parametrize(
    "transcript", [one for one in ALL if one.scenario == "resume" and one.adapter().can_resume], ids=str
)
def test_a_resumed_run_names_the_session_it_was_given(transcript: Transcript) -> None:
    asked = str(transcript.meta["session_id"])
    if re.fullmatch(r"(session_|ses_)?[0-9a-zA-Z-]{20,}", asked):  # others are paths, or the last one there is
        assert transcript.play().session == asked


def test_progress_tells_what_is_done_and_said() -> None:
    for cli in TELLING:
        found = next(one for one in ALL if one.cli == cli and one.scenario == "ok")
        told = [one.text for one in found.play().said if isinstance(one, Progress)]
        assert any("echo hello > made.txt" in one for one in told), cli
        assert any(one.startswith("All done: made.txt written.") for one in told), cli


@pytest.mark.parametrize("cli", TELLING)
def test_a_marked_question_is_a_question_in_every_dialect(cli: str) -> None:
    found = next(one for one in ALL if one.cli == cli and one.scenario == "ask")
    plain = b"Before I go on I need a decision from you: should I use PostgreSQL or SQLite?"
    stream = found.stream("stdout")
    assert plain in stream
    if cli == "copilot":  # its pieces come one by one; the whole message is what counts
        plain = b'"content":"' + plain
        marked = stream.replace(plain, b'"content":"I stop.\\n::fleet question PostgreSQL or SQLite?')
    else:
        marked = stream.replace(plain, b"I stop here.\\n::fleet question PostgreSQL or SQLite?")
    played = play(adapter(cli, {}), [("stdout", marked)], Exit(0))
    assert played.outcome.verdict is Verdict.QUESTION
    assert played.outcome.message == "PostgreSQL or SQLite?"
    assert Question("PostgreSQL or SQLite?") in played.said


def test_errors_of_a_session_ask_for_a_new_one() -> None:
    for cli, said in {
        "codex": "Error: thread/resume failed: no rollout found for thread id 01a20416",
        "claude": "No conversation found with session ID: 5f17ce67",
        "opencode": "Error: Session not found",
        "qwen": "No saved session found with ID 5f17ce67. Run `qwen --resume` without an ID to choose.",
    }.items():
        outcome = play(adapter(cli, {}), [("stderr", said.encode())], Exit(1)).outcome
        assert outcome.start_afresh, cli
