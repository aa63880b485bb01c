"""Two questions at once give what one after the other gives."""

import contextvars
import threading
from collections.abc import Iterator

import pytest

from bot.core.errors import Unavailable
from bot.service.asking import Asking

_PATIENCE = 20.0


@pytest.fixture
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    made.close()


def test_both_are_asked_at_the_same_time(asking: Asking) -> None:
    both = threading.Barrier(2, timeout=_PATIENCE)

    def answer(word: str) -> str:
        both.wait()
        return word

    assert asking.at_once(lambda: answer("aside"), lambda: answer("here")) == ("aside", "here")


def test_whoever_fails_is_heard_once_both_have_ended(asking: Asking) -> None:
    begun, ended = threading.Event(), threading.Event()

    def fails() -> None:
        assert begun.wait(_PATIENCE)
        raise Unavailable("The forge is away.")

    def goes_on() -> None:
        begun.set()
        ended.set()

    with pytest.raises(Unavailable):
        asking.at_once(goes_on, fails)
    assert ended.is_set()
    with pytest.raises(Unavailable):
        asking.at_once(fails, lambda: None)


def test_with_all_threads_busy_it_asks_one_after_the_other(asking: Asking) -> None:
    over, busy = threading.Event(), threading.Semaphore(0)

    def long() -> None:
        busy.release()
        assert over.wait(_PATIENCE)

    others = [threading.Thread(target=lambda: asking.at_once(long, lambda: None)) for _ in range(4)]
    for other in others:
        other.start()
    for _ in others:
        assert busy.acquire(timeout=_PATIENCE)
    try:
        assert asking.at_once(threading.get_ident, threading.get_ident) == (threading.get_ident(),) * 2
    finally:
        over.set()
        for other in others:
            other.join()


def test_what_is_known_of_the_caller_goes_along(asking: Asking) -> None:
    name = contextvars.ContextVar("name", default="nobody")
    name.set("inbox")
    assert asking.at_once(name.get, name.get) == ("inbox", "inbox")
