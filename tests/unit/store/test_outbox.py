"""What the forge is to show: the newest wish per target, until it is done."""

from typing import Any

import pytest

from bot.store import Store, outbox
from bot.store.outbox import Wish
from bot.store.wakeups import OUTBOX

TARGET = "comment:7#12"


def wish(store: Store, body: str, at: float, interval: float = 0.0) -> bool:
    return store.write(
        lambda sql: outbox.wish(sql, TARGET, "comment", "t_1", {"body": body}, at=at, min_interval_secs=interval)
    )


def due(store: Store, now: float) -> list[Wish]:
    return store.read(lambda sql: outbox.due(sql, now))


def sent(store: Store, of: Wish, at: float, known: dict[str, Any] | None = None) -> None:
    store.write(lambda sql: outbox.sent(sql, TARGET, of.version, known or {}, at))


def test_a_newer_wish_replaces_an_unsent_one(store: Store) -> None:
    seen = store.wakeups.count(OUTBOX)
    assert wish(store, "a", 1.0)
    assert wish(store, "b", 2.0)
    [one] = due(store, 2.0)
    assert (one.wish, one.version) == ({"body": "b"}, 2)
    assert store.wakeups.count(OUTBOX) > seen


def test_the_same_wish_is_no_wish(store: Store) -> None:
    wish(store, "a", 1.0)
    assert not wish(store, "a", 2.0)
    sent(store, due(store, 2.0)[0], 3.0, {"comment_id": 5})
    assert not wish(store, "a", 4.0)
    assert due(store, 99.0) == []
    found = store.read(lambda sql: outbox.find(sql, TARGET))
    assert found is not None
    assert found.known == {"comment_id": 5}


def test_not_sooner_after_the_last_time_than_asked(store: Store) -> None:
    wish(store, "a", 1.0, 10.0)
    sent(store, due(store, 1.0)[0], 1.0)
    wish(store, "b", 4.0, 10.0)
    assert due(store, 10.9) == []
    assert store.read(outbox.next_due) == 11.0
    assert len(due(store, 11.0)) == 1
    wish(store, "c", 5.0, 10.0)
    assert store.read(outbox.next_due) == 11.0, "more wishes do not put it off"


def test_what_was_sent_meanwhile_is_not_the_newest(store: Store) -> None:
    wish(store, "a", 1.0)
    [old] = due(store, 1.0)
    wish(store, "b", 2.0)
    sent(store, old, 3.0, {"comment_id": 5})
    [newer] = due(store, 3.0)
    assert (newer.wish, newer.known) == ({"body": "b"}, {"comment_id": 5})


def test_a_failure_of_an_old_version_does_not_touch_the_newest(store: Store) -> None:
    wish(store, "a", 1.0)
    [old] = due(store, 1.0)
    wish(store, "b", 2.0)
    store.write(lambda sql: outbox.again(sql, TARGET, old.version, 500.0, "down"))
    store.write(lambda sql: outbox.dropped(sql, TARGET, old.version, "gone"))
    assert len(due(store, 2.0)) == 1


def test_tried_again_later_and_the_pause_holds_for_newer_wishes_too(store: Store) -> None:
    wish(store, "a", 1.0)
    [one] = due(store, 1.0)
    store.write(lambda sql: outbox.again(sql, TARGET, one.version, 61.0, "Retry-After: 60"))
    assert store.read(outbox.pending) == [(TARGET, 1, "Retry-After: 60")]
    for at, body in ((2.0, "b"), (3.0, "c"), (4.0, "d")):
        wish(store, body, at)
    assert due(store, 60.0) == []
    [newest] = due(store, 61.0)
    assert (newest.wish, newest.tries) == ({"body": "d"}, 0)


def test_given_up_comes_to_life_with_the_next_wish(store: Store) -> None:
    wish(store, "a", 1.0)
    [one] = due(store, 1.0)
    store.write(lambda sql: outbox.dropped(sql, TARGET, one.version, "no right"))
    assert store.read(outbox.next_due) is None
    assert wish(store, "a", 2.0), "also with the same words"
    assert len(due(store, 2.0)) == 1


def test_changed_by_hand_it_is_put_back(store: Store) -> None:
    wish(store, "a", 1.0)
    sent(store, due(store, 1.0)[0], 1.0)
    store.write(lambda sql: outbox.forget_sent(sql, TARGET))
    assert [x.wish for x in due(store, 2.0)] == [{"body": "a"}]


@pytest.mark.parametrize("poison", ["\x00", "\U0001f4a5 ' \" \\", "x" * 100_000])
def test_poison(store: Store, poison: str) -> None:
    wish(store, poison, 1.0)
    assert due(store, 1.0)[0].wish == {"body": poison}
