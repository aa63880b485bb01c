"""How gunicorn serves us, whoever starts it."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from bot.settings import Settings
from bot.web.application import EXTENSION, Opened


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings by their names."""
    server = settings.server
    return {
        "bind": server.listen,
        "worker_class": "gthread",
        "workers": server.workers,
        "threads": server.threads,
        # a slow sender or an idle connection holds no thread, so there may be more of them than threads
        "worker_connections": server.threads * 4,
        "timeout": 60,
        "graceful_timeout": 30,
        "keepalive": 5,
        "backlog": 512,
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        # a peer must not set SCRIPT_NAME or PATH_INFO by a header (the default lets loopback do so)
        "forwarder_headers": "",
        "forwarded_allow_ips": "",
        # its control socket lets every process of the same user stop us
        "control_socket_disable": True,
        # the heartbeat file must not lie on a disk that can stall
        "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - nothing predictable in it
        "accesslog": None,
        "errorlog": "-",
        "post_worker_init": end_waiting_on_sigterm,
        "worker_exit": close_fleet_of,
    }


def end_waiting_on_sigterm(worker: Any) -> None:
    """A stopping worker lets running calls finish: agents that wait for work would hold it up for their whole wait."""
    opened: Opened = worker.wsgi.extensions[EXTENSION]
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        # on a thread of its own: a handler may interrupt code that holds the lock it needs
        threading.Thread(target=opened.fleet.store.wakeups.close, name="end-waiting").start()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)


def close_fleet_of(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """The last thing a worker does; it may not have come as far as an application."""
    wsgi = getattr(worker, "wsgi", None)
    if wsgi is not None:
        wsgi.extensions[EXTENSION].close()
