"""The snippets for Caddy and nginx, run by the real programs: streams pass at once, large bodies whole."""

import http.client
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from bot.standin.serve import serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PROXY: Final = Path(__file__).parents[2] / "deploy" / "proxy"
LARGE: Final = 70 * 1024 * 1024
TOO_LARGE: Final = 90 * 1024 * 1024


class Upstream:
    """Streams two events, the second only when told to; counts the bytes it is sent."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/live":
            start_response("200 OK", [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
            return self._events()
        size, left = 0, int(environ.get("CONTENT_LENGTH") or 0)
        while left and (piece := environ["wsgi.input"].read(min(left, 1024 * 1024))):
            size, left = size + len(piece), left - len(piece)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([str(size).encode()])

    def _events(self) -> Iterator[bytes]:
        yield b"data: one\n\n"
        assert self.go_on.wait(60)
        yield b"data: two\n\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def caddy(folder: Path, port: int, upstream: str) -> list[str]:
    text = (PROXY / "Caddyfile").read_text("utf-8")
    text = text.replace("fleet.example.org {", f"http://127.0.0.1:{port} {{").replace("127.0.0.1:9090", upstream)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def nginx(folder: Path, port: int, upstream: str) -> list[str]:
    text = (PROXY / "nginx.conf").read_text("utf-8").replace("127.0.0.1:9090", upstream)
    text = text.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    text = "\n".join(line for line in text.splitlines() if "ssl_certificate" not in line)
    temps = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # else its workers may not read our folder
    (folder / "nginx.conf").write_text(
        f"{user}daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off;\n{temps}\n{text}\n}}\n"
    )
    return ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf"), "-p", str(folder)]


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "PATH": "/usr/bin:/bin"}
    program = shutil.which(command[0])
    assert program is not None
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen([program, *command[1:]], env=env, stdout=said, stderr=said) as process,
    ):
        try:
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            assert process.poll() is None, (folder / "said").read_text()
            yield
        except BaseException:
            print((folder / "said").read_text())
            raise
        finally:
            process.terminate()


@pytest.mark.parametrize("proxy", [caddy, nginx], ids=["caddy", "nginx"])
def test_a_proxy_passes_streams_at_once_and_large_results_whole(
    proxy: Callable[[Path, int, str], list[str]], tmp_path: Path
) -> None:
    upstream, port = Upstream(), free_port()
    with serve(upstream) as url:
        command = proxy(tmp_path, port, url.removeprefix("http://"))
        if shutil.which(command[0]) is None:
            absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            absent(f"there is no {command[0]} here (a Debian package)")
        with running(command, port, tmp_path):
            live = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                live.request("GET", "/live")
                with live.getresponse() as answer:
                    assert answer.readline() == b"data: one\n"  # before the second one exists
                    upstream.go_on.set()
                    assert answer.read() == b"\ndata: two\n\n"
            finally:
                upstream.go_on.set()
                live.close()
            assert asked(port, "PUT", "/result", b"x" * LARGE) == (200, str(LARGE).encode())
            assert asked(port, "GET", "/metrics")[0] == 404
            assert asked(port, "PUT", "/result", b"x" * TOO_LARGE)[0] in (413, 502)


def asked(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        try:
            connection.request(method, path, body)
            with connection.getresponse() as answer:
                return answer.status, answer.read()
        except (BrokenPipeError, ConnectionResetError):
            return 413, b""  # refused before all of it was sent
