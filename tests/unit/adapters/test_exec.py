"""`exec`: how a command of the operator's own is started, heard and judged."""

from pathlib import Path

import pytest

from bot.adapters.base import PROMPT_FILE, Check, Exit, Job, Line, Progress, Question, Said, Template, Verdict
from bot.adapters.exec import Exec
from bot.core.errors import Refused
from bot.core.reasons import Reason

FILE = Path("/w/run/prompt.md")


def job(prompt: str = "Do it", model: str = "") -> Job:
    return Job(prompt, FILE, Path("/w/tree"), Path("/w/run"), Path("/w/home"), model=model)


def heard(adapter: Exec, *lines: str, stream: str = "stdout") -> list[Said]:
    return [said for line in lines for said in adapter.feed(Line(stream, line))]


@pytest.mark.parametrize(
    ("way", "argv", "stdin"),
    [
        ("stdin", ["tool", "-x"], b"Do it"),
        ("argument", ["tool", "-x", "Do it"], b""),
        ("file", ["tool", "-x", "/w/run/prompt.md"], b""),
    ],
)
def test_ways_of_the_prompt(way: str, argv: list[str], stdin: bytes) -> None:
    adapter = Exec(Template(("tool", "-x"), way))
    assert adapter.argv(job()) == argv
    assert adapter.stdin(job()) == stdin
    assert adapter.environment(job()) == {PROMPT_FILE: "/w/run/prompt.md"}


def test_a_prompt_is_never_an_option() -> None:
    [*_, word] = Exec(Template(("tool",), "argument")).argv(job("--help"))
    assert word == "\n--help"


def test_places_are_filled_once_and_only_those_that_are_known() -> None:
    adapter = Exec(Template(("tool", "--model={model}", "{workspace}", "{prompt}", "{}", "{prompt_file}")))
    assert adapter.argv(job(model="{workspace}")) == [
        "tool", "--model={workspace}", "/w/tree", "{prompt}", "{}", "/w/run/prompt.md",
    ]  # fmt: skip


def test_without_a_command() -> None:
    with pytest.raises(Refused, match="needs a command"):
        Exec().argv(job())


@pytest.mark.parametrize("field", [{"prompt": "a\0b"}, {"model": "\0"}])
def test_a_nul_is_refused(field: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        job(**field)
    assert refused.value.kind == "prompt_invalid"


def test_half_a_character_becomes_a_question_mark() -> None:
    assert Exec(Template(("tool",))).stdin(job("\ud83d!")) == b"?!"


def test_what_it_may_say() -> None:
    said = heard(
        Exec(),
        "::fleet progress reading",
        "plain words ::fleet progress no",
        "::fleet check [ ] a",
        "  ::fleet check [x] a  ",
        "::fleet question Red?",
    )
    assert said == [Progress("reading"), Check("a", False), Check("a", True), Question("Red?")]


def test_only_standard_output_is_listened_to() -> None:
    assert heard(Exec(), "::fleet progress x", stream="stderr") == []


def test_what_is_not_understood_is_counted() -> None:
    adapter = Exec()
    assert heard(adapter, "::fleet sing", "::fleet check x", "::fleet progress", "::fleet no-change") == []
    assert adapter.finish(Exit(0)).unparsed == 4


def test_escapes_do_not_reach_people() -> None:
    assert heard(Exec(), "::fleet progress \x1b[31mred\x1b[0m\u202e") == [Progress("red")]


def test_exit_0_is_done_with_its_summary() -> None:
    adapter = Exec()
    heard(adapter, "::fleet summary One.", "::fleet summary Two.", "noise")
    outcome = adapter.finish(Exit(0))
    assert (outcome.verdict, outcome.message, outcome.reason) == (Verdict.DONE, "One.\nTwo.", None)


def test_a_question_and_no_change_need_exit_0() -> None:
    for line, verdict in (("question Red?", Verdict.QUESTION), ("no-change it works", Verdict.NO_CHANGE)):
        good, bad = Exec(), Exec()
        heard(good, f"::fleet {line}")
        heard(bad, f"::fleet {line}")
        assert good.finish(Exit(0)).verdict is verdict
        assert bad.finish(Exit(1)).verdict is Verdict.FAILED


def test_failing_says_the_last_line_of_stderr_first() -> None:
    adapter = Exec()
    heard(adapter, "no such file", "", stream="stderr")
    heard(adapter, "later on stdout")
    outcome = adapter.finish(Exit(3))
    assert outcome.reason is Reason.AGENT_FAILED
    assert outcome.message == "The agent command ended with exit code 3: no such file"
    assert Exec().finish(Exit(1)).message == "The agent command ended with exit code 1, and printed nothing."


def test_ended_by_a_signal() -> None:
    outcome = Exec().finish(Exit(None, 9))
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, Reason.KILLED)


def test_a_long_story_is_shortened() -> None:
    adapter = Exec()
    heard(adapter, *["::fleet summary " + "x" * 1000] * 100)
    assert len(adapter.finish(Exit(0)).message) == 4000
