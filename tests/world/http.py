"""Our own web application behind a real socket, which can lose its power."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.world.power import Power, PowerCut

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Stories say what matters."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """A dead process closes its connections."""
        self.close_connection = True


class _Closable:
    """What an application answers with, closed as a server closes it (PEP 3333)."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def close(self) -> None:
        getattr(self.parts, "close", lambda: None)()


class Site:
    """One address at which one application after the other answers (a restart keeps the address)."""

    def __init__(self, power: Power) -> None:
        self.application: WSGIApplication | None = None
        self.statuses: list[tuple[str, str, int]] = []
        self._power = power

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        streams = False

        def noted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal streams
            streams = any(value.startswith("text/event-stream") for _, value in headers)
            self.statuses.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], int(status[:3])))
            return start_response(status, headers, *rest)

        if self.application is None or self._power.is_cut:
            raise ConnectionAbortedError
        try:
            parts = self.application(environ, noted)
            if streams:  # it has no end: whoever reads it goes on, and closes it
                return parts
            with contextlib.closing(_Closable(parts)) as answer:
                return list(answer.parts)
        except PowerCut:
            raise ConnectionAbortedError from None

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
