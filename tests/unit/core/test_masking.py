"""Secrets in pieces: however a text is cut, what is shown is what the whole text would show."""

import itertools

import pytest

from bot.core.masking import Masker, Stream

SECRETS = ("abab", "abc", "abcdef", "zz")


@pytest.mark.parametrize("text", ["x abcdef y zz.", "ababab zzz!", "abcdeabcdef.", "no such thing", "abab zzabc."])
def test_every_cut_shows_the_same(text: str) -> None:
    masker = Masker(SECRETS)
    whole = masker.masked(text)
    for cuts in itertools.combinations(range(len(text) + 1), 2):
        stream = Stream(masker)
        pieces = [text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]]
        assert "".join(map(stream.takes, pieces)) == whole, pieces
        anew = Stream(masker, text[: cuts[0]])
        assert "".join([Stream(masker).takes(pieces[0]), anew.takes(text[cuts[0] :])]) == whole, pieces


def test_the_beginning_of_a_secret_waits() -> None:
    stream = Stream(Masker(["secret"]))
    assert [stream.takes(piece) for piece in ("my sec", "r", "et is sec", "ond")] == ["my ", "", "*** is ", "second"]


def test_without_secrets_nothing_waits() -> None:
    assert Stream(Masker([""])).takes("text") == "text"
