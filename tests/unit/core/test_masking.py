"""Secrets in pieces: however a text is cut, what is shown is what the whole text would show."""

import itertools

import pytest

from bot.core.masking import Masker, Stream

SECRETS = ("abab", "abc", "abcdef", "zz")


@pytest.mark.parametrize("text", ["x abcdef y zz.", "ababab zzz!", "abcdeabcdef.", "no such thing", "abab zzabc."])
def test_every_cut_shows_the_same(text: str) -> None:
    masker = Masker(SECRETS)
    for cuts in itertools.combinations(range(len(text) + 1), 2):
        pieces = [text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]]
        stream = Stream(masker, least=1)
        assert "".join(map(stream.takes, pieces)) + stream.rest() == masker.masked(text), pieces


@pytest.mark.parametrize("text", ["a secret-number here", "secret-numbesecret-number", "my secret", "no such thing"])
def test_however_it_is_cut_at_most_three_letters_of_a_secret_are_seen(text: str) -> None:
    masker = Masker(["secret-number"])
    for cuts in itertools.combinations(range(len(text) + 1), 3):
        edges = [0, *cuts, len(text)]
        stream = Stream(masker)
        shown = "".join(stream.takes(text[a:b]) for a, b in itertools.pairwise(edges)) + stream.rest()
        whole = masker.masked(text)
        assert shown in {whole.replace("***", f"{'secret'[:seen]}***") for seen in range(4)}, cuts


def test_the_beginning_of_a_secret_waits() -> None:
    stream = Stream(Masker(["secret"]))
    pieces = ("my secr", "et is secr", "ond s", "e", "cret", "!")
    assert [stream.takes(x) for x in pieces] == ["my ", "*** is ", "secrond s", "e", "***", "!"]


def test_what_is_held_at_the_end_is_told_then() -> None:
    stream = Stream(Masker(["secret"]))
    assert (stream.takes("a secre"), stream.rest()) == ("a ", "secre")


def test_without_secrets_nothing_waits() -> None:
    assert Stream(Masker([""])).takes("text") == "text"
