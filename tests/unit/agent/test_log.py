"""The log on its way: cleaned, masked, bounded, resumable at any byte."""

import hashlib

import pytest

from bot.adapters.base import Line
from bot.agent.log import PIECE_BYTES, OutgoingLog

SECRET = "aft_0123456789abcdef"


def sent(log: OutgoingLog) -> bytes:
    """Everything a server gets that takes every piece."""
    out = b""
    while (piece := log.piece()) is not None:
        position, text = piece
        assert position == len(out)
        out += text.encode()
        log.known(len(out))
    return out


def out(text: str, *, cut: bool = False) -> Line:
    return Line("stdout", text, cut)


def test_escapes_go_and_secrets_are_masked_also_when_escapes_split_them() -> None:
    log = OutgoingLog([SECRET])
    log.add(out(f"\x1b[1ma {SECRET[:5]}\x1b[0m{SECRET[5:]} b\x07"))
    assert sent(log) == b"a *** b\n"
    assert log.facts()["redactions"] == 1


def test_a_shortened_line_shows_no_half_secret() -> None:
    log = OutgoingLog([SECRET])
    log.add(out("x" * (16 * 1024 - 5) + SECRET))
    log.add(out("y" * 2000 + SECRET[:10], cut=True))
    assert b"aft_" not in sent(log)


def test_pieces_are_bounded_and_cut_no_character() -> None:
    log = OutgoingLog([])
    for _ in range(10):
        log.add(out("é" * 8000))
    first = log.piece()
    assert first is not None
    assert len(first[1].encode()) <= PIECE_BYTES
    assert sent(log) == ("é" * 8000 + "\n").encode() * 10


def test_it_goes_on_from_where_the_server_is() -> None:
    log = OutgoingLog([])
    log.add(out("one"))
    assert log.piece() == (0, "one\n")
    assert log.piece() == (0, "one\n")  # the answer was lost
    log.known(2)
    assert log.piece() == (2, "e\n")
    log.known(99)  # never more than there is
    log.add(out("two"))
    assert log.piece() == (4, "two\n")


def test_a_server_that_lost_its_log_is_not_sent_gaps() -> None:
    log = OutgoingLog([])
    log.add(out("one"))
    log.known(4)
    log.add(out("two"))
    log.known(0)
    assert log.piece() is None


def test_a_server_that_takes_nothing_is_not_asked_for_ever() -> None:
    log = OutgoingLog([])
    log.add(out("one"))
    for _ in range(100):
        log.known(0)
    assert log.unsent_bytes == 0


def test_while_the_server_is_away_memory_stays_small_and_the_end_is_kept() -> None:
    log = OutgoingLog([])
    for n in range(100_000):
        log.add(out(f"{n} " + "x" * 100))
    assert log.unsent_bytes <= 1024 * 1024
    log.close()
    got = sent(log)
    assert got.startswith(b"0 xxx")
    assert got.rstrip().endswith(b"x")
    assert b"\n99999 x" in got
    assert b"bytes left out" in got
    assert len(got) < 2 * 1024 * 1024
    assert log.facts() == {
        "sha256": hashlib.sha256(got).hexdigest(), "bytes": len(got), "truncated": True, "redactions": 0,
    }  # fmt: skip


def test_when_the_server_is_back_the_gap_is_closed_and_it_goes_on() -> None:
    log = OutgoingLog([])
    for n in range(20_000):
        log.add(out(f"{n} " + "x" * 100))
    got = sent(log)
    log.add(out("back"))
    position, text = log.piece() or (0, "")
    assert position == len(got)
    assert text == "back\n"


@pytest.mark.parametrize("size", [0, 1, 16 * 1024])
def test_short_lines_stay_whole(size: int) -> None:
    log = OutgoingLog([])
    log.add(out("x" * size))
    assert sent(log) == b"x" * size + b"\n"
