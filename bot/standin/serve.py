"""The stand-in's HTTP server: threads, silent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Quiet(WSGIRequestHandler):
    """Writes no log lines; the forge keeps its own record of requests."""

    def log(self, *_args: Any) -> None:
        return


@contextmanager
def serve(app: "WSGIApplication", port: int = 0, address: str = "127.0.0.1") -> Iterator[str]:
    """Serve ``app`` on ``address`` (a free port for 0) while the block runs; yields its URL."""
    server = make_server(address, port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
