"""SIGTERM and SIGINT as calls."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_termination(first: Callable[[], None], again: Callable[[], None]) -> Iterator[None]:
    """Within the block the first signal calls ``first``, each further one ``again``; from a thread of its own,
    because a handler that takes a lock its own thread holds would wait for ever. For the main thread only.
    """
    heard, tell = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(tell, False)

    def listen() -> None:
        call = first
        while os.read(heard, 1) == b"S":
            call()
            call = again

    def told(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's signature
        os.write(tell, b"S")

    listener = threading.Thread(target=listen, name="signals", daemon=True)
    before = {number: signal.signal(number, told) for number in _ENDING}
    listener.start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.write(tell, b"E")
        listener.join()
        os.close(heard)
        os.close(tell)


def when_input_ends(fd: int, call: Callable[[], None]) -> None:
    """Calls it, from a thread, when ``fd`` ends: whoever holds its other end stopped, or was killed."""

    def listen() -> None:
        with contextlib.suppress(OSError):
            while os.read(fd, 4096):
                pass
        call()

    threading.Thread(target=listen, name="leash", daemon=True).start()
