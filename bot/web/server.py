"""Web and worker together under one parent: both or neither."""

import contextlib
import ctypes
import http.client
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication

from bot import worker
from bot.core import serve_text as text
from bot.core.errors import Refused
from bot.service.opening import open_fleet
from bot.settings import Settings
from bot.store import open_store
from bot.store.database import migrate
from bot.web.application import HEARD, make_app
from bot.web.gunicorn_options import options

#: How long the two may take to finish what runs; gunicorn's own grace is a little shorter.
_GRACE_SECS: Final = 35.0
#: A second signal within this time is the first one's echo.
_SAME_SECS: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
_STOP: Final = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings) -> None:
    """Migrates, then serves until SIGTERM or SIGINT. Raises Refused when it cannot, or when one of the two ended.

    Prints one line to stdout once the service answers.
    """
    migrate(settings.orchestrator.database)
    with _listening(settings) as listener, _told_to_stop() as told:
        # forked, not started anew: nothing is open and no thread runs yet
        fork = multiprocessing.get_context("fork")
        children = [
            fork.Process(target=_child, args=(_web, settings, listener), name="web"),
            fork.Process(target=_child, args=(_work, settings, listener), name="worker"),
        ]
        for child in children:
            child.start()
        threading.Thread(target=_announce, args=(settings, listener.getsockname()), daemon=True).start()
        try:
            ended = _wait(children, told)
        finally:
            _stop(children, told)
        if ended is not None:
            raise Refused(text.part_ended(*ended), text.see_the_log(), 500, "part_ended")


def serve_web(settings: Settings) -> None:
    """The web processes alone, until SIGTERM or SIGINT. Raises Refused when they could not serve."""
    open_store(settings.orchestrator.database).close()  # gunicorn would start processes that cannot again and again
    with _listening(settings) as listener:
        _web(settings, listener)


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """gunicorn with our options and the descriptor of a socket that listens already, which it closes in the end."""

    def __init__(self, settings: Settings, listener: int) -> None:
        self._settings = settings
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self._settings).items():
            self.cfg.set(name, value)
        self.cfg.set("bind", f"fd://{self._listener}")

    def load(self) -> Flask:
        """In each worker, after its fork."""
        fleet = open_fleet(self._settings)
        fleet.store.watch_other_processes(HEARD)
        return make_app(fleet)


def _child(part: Callable[[Settings, socket.socket], None], settings: Settings, listener: socket.socket) -> None:
    """Runs ``part`` in a process group of its own, so that Ctrl-C reaches the parent alone."""
    for number in _STOP:
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # the parent may be killed without a word
    if os.getppid() != parent:
        return
    try:
        part(settings, listener)
    except Refused as refused:
        print(refused, file=sys.stderr)
        raise SystemExit(1) from None


def _web(settings: Settings, listener: socket.socket) -> None:
    _Gunicorn(settings, listener.detach()).run()


def _work(settings: Settings, listener: socket.socket) -> None:
    listener.close()
    worker.run(settings)


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket on the address of the settings; connections wait in it until the web processes take them."""
    server = settings.server
    family = socket.AF_INET6 if ":" in server.bind else socket.AF_INET
    try:
        listener = socket.create_server((server.bind, server.port), family=family, backlog=512)
    except OSError as problem:
        raise Refused(
            text.cannot_listen(server.listen, problem.strerror or str(problem)), text.other_port()
        ) from problem
    with listener:
        yield listener


@contextlib.contextmanager
def _told_to_stop() -> Iterator[multiprocessing.connection.Connection]:
    """A connection that becomes readable with every SIGTERM or SIGINT."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    before = {number: signal.signal(number, lambda *_: os.write(writer.fileno(), b".")) for number in _STOP}
    try:
        with reader, writer:
            yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(children: Sequence[BaseProcess], told: multiprocessing.connection.Connection) -> tuple[str, int] | None:
    """Name and exit code (a signal's negative) of the child that ended by itself, None when we were told to stop."""
    ready = multiprocessing.connection.wait([told, *(child.sentinel for child in children)])
    if told in ready:
        os.read(told.fileno(), 64)
        return None
    ended = next(child for child in children if child.sentinel in ready)
    ended.join()  # its sentinel tells a moment before its exit code is known
    return ended.name, ended.exitcode or 0


def _stop(children: Sequence[BaseProcess], told: multiprocessing.connection.Connection) -> None:
    """Asks both to end; a signal that comes later, or the end of their grace, ends them at once.

    Who stops a whole process group (`timeout`, some supervisors) signals us twice in the same moment: that is one.
    """
    for child in children:
        child.terminate()
    began = time.monotonic()
    running = list(children)
    while running and (left := began + _GRACE_SECS - time.monotonic()) > 0:
        multiprocessing.connection.wait([told, *(child.sentinel for child in running)], left)
        running = [child for child in running if child.is_alive()]
        if told.poll():
            os.read(told.fileno(), 64)
            if time.monotonic() > began + _SAME_SECS:
                break
    for child in running:
        print(text.part_killed(child.name), file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid or 0, signal.SIGKILL)
    for child in children:
        child.join()
        child.close()


def _announce(settings: Settings, address: Any) -> None:
    """Says that the service answers once it does; connections wait in our own socket until then."""
    connection = http.client.HTTPConnection(_reachable(address[0]), address[1], timeout=120)
    try:
        connection.request("GET", "/healthz")
        if connection.getresponse().status == http.HTTPStatus.OK:
            print(text.serving(settings.server.url), flush=True)
    except (OSError, http.client.HTTPException):
        return  # it ended before it answered: the parent says so
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to, replaced
