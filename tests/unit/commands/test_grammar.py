"""What is a command, and what only looks like one."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import grammar
from bot.commands.grammar import MAX_TEXT, Written, added, parse
from bot.core import cleaning


def only(text: str) -> Written:
    [one] = parse(text)
    return one


@pytest.mark.parametrize(
    "text",
    [
        "/fleet status",
        "   /fleet status",
        "/FLEET Status",
        "hello\n/fleet status\r\nthanks",
        "/fleet\u00a0status",
        "/fleet\tstatus   ",
        "```\ncode\n```\n/fleet status",
        "<!-- note -->\n/fleet status",
        "~~~\n```\n~~~\n/fleet status",
        "`<!--` is how it begins\n/fleet status",
    ],
)
def test_a_command(text: str) -> None:
    assert only(text).verb == "status"


@pytest.mark.parametrize(
    "text",
    [
        "please /fleet status",
        "> /fleet status",
        "- /fleet status",
        "    /fleet status",
        "\t/fleet status",
        "`/fleet status`",
        "/fleetstatus",
        "//fleet status",
        "```\n/fleet status",
        "````\n```\n/fleet status\n````",
        "~~~ text\n/fleet status\n~~~",
        "<!--\n/fleet status",
        "<!-- a\n--> /fleet status",
        "hi <!-- x\n/fleet status\n-->",
        "@fleet-bot status",
        cleaning.defanged("/fleet status"),
        "",
    ],
)
def test_no_command(text: str) -> None:
    assert parse(text) == []


def test_options_come_before_the_text() -> None:
    one = only('/fleet run agent=codex base="a b" Priority=high fix x=1 please\nand\n\nmore\n')
    assert one.options == (("agent", "codex"), ("base", "a b"), ("priority", "high"))
    assert one.whole_text == "fix x=1 please\nand\n\nmore"
    assert only("/fleet pause for=2h agent=“gpu 1” the disk is full").options == (("for", "2h"), ("agent", "gpu 1"))
    assert only('/fleet run agent="codex fix it').unclosed == "agent"


def test_lines_below_belong_to_the_command_above_them() -> None:
    one, two = parse("/fleet run\nfirst\n/fleet say\n```\n/fleet no\n```\n")
    assert (one.below, two.below) == ("first", "```\n/fleet no\n```")
    assert (one.line, two.line) == (1, 3)


def test_an_edit_adds_a_command_or_not() -> None:
    assert added("hello", "hello\n/fleet run")
    assert added("/fleet run", "/fleet run priority=high")
    assert not added("/fleet run", "hello\n/fleet run")


_LINES = st.lists(
    st.sampled_from(
        ["/fleet run", "/fleet say x", "```", "~~~", "<!--", "-->", "`<!--", "> /fleet", "text", " ", "/fleet"]
    )
    | st.text(max_size=20),
    max_size=30,
)


@given(_LINES, st.sampled_from(["\n", "\r\n", "\r"]))
def test_it_never_raises_and_tells_lines_that_are_there(lines: list[str], end: str) -> None:
    text = end.join(lines)
    shown = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for one in parse(text):
        assert shown[one.line - 1].lstrip(" ").lower().startswith("/fleet")


_WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
_VALUE = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], blacklist_characters='"“”„«»<`'), max_size=8
)


@given(_WORD, st.dictionaries(_WORD, _VALUE, max_size=4), _WORD)
def test_what_is_written_is_read(verb: str, options: dict[str, str], text: str) -> None:
    words = " ".join([f"/fleet {verb}", *(f'{k}="{v}"' for k, v in options.items()), text])
    one = only(words)
    assert (one.verb, dict(one.options), one.text) == (verb, options, text)


def steps(text: str) -> int:
    """How many lines of the parser are run: its work, whatever the machine."""
    count = 0

    def trace(frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        parse(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece",
    ["`", "<!--", "-->", "/fleet ", "\n/fleet a=", '\n/fleet run a="', "~~~\n", "a=b ", " ", "\n", "<!-- -->", "`<!--"],
)
def test_its_work_grows_with_the_length_and_no_faster(piece: str) -> None:
    small, large = (f"/fleet run {piece * (size // len(piece))}" for size in (2_000, 16_000))
    assert steps(large) <= 8.5 * steps(small) + 200


def test_a_text_of_megabytes_is_read_up_to_its_limit() -> None:
    assert parse("x" * MAX_TEXT + "\n/fleet run") == []
    assert grammar.has_commands("/fleet run\n" + "<!--`" * 1_000_000)


def test_what_is_left_of_a_text_without_its_commands() -> None:
    assert grammar.without_commands("Please mend this.\n/fleet retry\nThanks") == "Please mend this.\nThanks"
    assert grammar.without_commands("/fleet retry").strip() == ""
    assert grammar.without_commands("```\n/fleet retry\n```") == "```\n/fleet retry\n```"
