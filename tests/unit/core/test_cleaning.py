"""Untrusted text: it says what it said, and does nothing."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core import cleaning

HOSTILE = st.text(
    alphabet=st.sampled_from("`@#!<>-/[]:|*\\ \t\r\n\x00\x1b[\u202e\u200b\u2060\ud800afletéBob1"), max_size=60
)
ANY = HOSTILE | st.text(max_size=60)


def spans(markdown: str) -> list[str]:
    """The code spans of one line (CommonMark 6.1): from a run of backticks to the next run as long."""
    runs = list(re.finditer(r"`+", markdown))
    found, i = [], 0
    while i < len(runs):
        end = next((r for r in runs[i + 1 :] if len(r[0]) == len(runs[i][0])), None)
        if end is None:
            i += 1
            continue
        found.append(markdown[runs[i].end() : end.start()])
        i = runs.index(end) + 1
    return found


@given(ANY)
@example("`")
@example("``` @ann `")
@example("<!-- fleet:v1:status -->")
def test_nothing_leaves_its_code_marks(text: str) -> None:
    made = cleaning.code(text)
    assert "\n" not in made
    [inside] = spans(made)
    assert made == made[: made.index(inside)] + inside + made[made.index(inside) + len(inside) :]
    assert inside.strip() == cleaning.one_line(text).replace("<!--", "<\u2060!--").strip()
    assert not made.strip("`").startswith("`")


@given(ANY)
def test_nothing_leaves_its_block(text: str) -> None:
    first, *body, last = cleaning.block(text).split("\n")
    assert first == f"{last}text"
    assert set(last) == {"`"}
    assert len(last) >= 3
    assert all(last not in line for line in body)


@given(ANY)
@example("<!-- fleet:v1:status:1:1 -->")
@example("<\u200b!-- hidden -->")
@example("/fleet cancel\n  /FLEET run")
@example("<![CDATA[ hidden ]]><?x hidden ?><script>hidden</script>")
@example("[hidden]: http://x 'hidden'")
@example("closes #5, ann/lab#5 and !7, @ann @org/team")
def test_an_agents_markdown_does_nothing(text: str) -> None:
    made = cleaning.defanged(text)
    assert not re.search(r"[@#!][\w-]", made), "mentions nobody, refers to nothing"
    assert not re.search(r"(?im)^[ \t]*/fleet\b", made), "commands nothing"
    assert not re.search(r"<[!?/a-zA-Z]", made), "hides nothing in HTML"
    assert "]:" not in made, "hides nothing in a link definition"
    assert cleaning.defanged(made) == made
    assert made.replace("\u2060", "") == cleaning.plain(text, 20_000), "says the same"


@given(ANY)
def test_plain_text_holds_nothing_that_cannot_be_seen(text: str) -> None:
    made = cleaning.plain(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", made
    )
    assert cleaning.plain(made) == made
    made.encode()


@given(ANY)
def test_storable_text_is_taken_by_every_database(text: str) -> None:
    made = cleaning.storable(text)
    assert "\x00" not in made
    made.encode()
    assert len(made) == len(text)


@given(ANY, st.integers(1, 50))
def test_one_line_is_one_short_line(text: str, limit: int) -> None:
    made = cleaning.one_line(text, limit)
    assert len(made) <= limit
    assert made == " ".join(made.split())


@given(ANY)
def test_a_slug_is_a_part_of_a_branch_name(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", cleaning.slug(text))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("keep\ttabs", "keep\ttabs"),
    ],
)
def test_plain(text: str, clean: str) -> None:
    assert cleaning.plain(text) == clean


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", "` `"),
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a\nb", "`a b`"),
        ("x" * 300, f"`{'x' * 199}…`"),
    ],
)
def test_code(text: str, made: str) -> None:
    assert cleaning.code(text) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [("gpu-1", "gpu-1"), ("forgejo-actions", "forgejo-actions"), ("@ann", "`@ann`"), ("a b", "`a b`"), ("", "` `")],
)
def test_a_name_is_shown_bare_only_when_it_is_one(text: str, made: str) -> None:
    assert cleaning.name(text) == made


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Fix the login!", "fix-the-login"),
        ("Änderung für Zoë", "anderung-fur-zoe"),
        ("修正", "task"),
        ("../..", "task"),
    ],
)
def test_slug(title: str, slug: str) -> None:
    assert cleaning.slug(title) == slug


def test_an_issues_address_is_no_reference() -> None:
    assert "/issues/3" not in cleaning.defanged("closes https://git.example.org/o/r/issues/3")
    assert "/pulls/3" not in cleaning.defanged("fixes https://git.example.org/o/r/pulls/3")
