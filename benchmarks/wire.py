"""HTTP as little as possible, so that the client's own time does not count: one kept connection per client."""

import json
import selectors
import socket
from collections.abc import Iterable, Mapping
from typing import Any

Address = tuple[str, int]


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: fleet", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def api(path: str, said: Mapping[str, Any], token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return request("POST", f"/api/v1/{path}", json.dumps(said).encode(), headers)


class Client:
    """One connection; made again when the server has closed it meanwhile."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket = self._connected()
        self._last = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, whole: bytes) -> None:
        self._last = whole
        try:
            self._socket.sendall(whole)
        except OSError:
            self._again()

    def answer(self) -> tuple[int, bytes]:
        """Status and body. Waits for it; asks once more on a new connection when this one was closed."""
        got = self._read()
        if got is None:
            self._again()
            got = self._read()
        if got is None:
            raise ConnectionError("closed twice without an answer")
        return got

    def asks(self, whole: bytes) -> tuple[int, bytes]:
        self.send(whole)
        return self.answer()

    def close(self) -> None:
        self._socket.close()

    def _connected(self) -> socket.socket:
        made = socket.create_connection(self._address, timeout=60)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _again(self) -> None:
        self._socket.close()
        self._socket = self._connected()
        self._socket.sendall(self._last)

    def _read(self) -> tuple[int, bytes] | None:
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                more = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        status, length = int(head[9:12]), 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += self._socket.recv(65536)
        return status, body


def everyone(address: Address, clients: int, requests: Iterable[bytes]) -> list[int]:
    """Sends all of ``requests`` over so many connections at once; returns the statuses."""
    left, statuses = iter(requests), []
    with selectors.DefaultSelector() as waiting:
        for _ in range(clients):
            _next(waiting, Client(address), left)
        while waiting.get_map():
            for key, _ in waiting.select(60):
                client: Client = key.fileobj  # type: ignore[assignment]
                waiting.unregister(client)
                statuses.append(client.answer()[0])
                _next(waiting, client, left)
    return statuses


def _next(waiting: selectors.BaseSelector, client: Client, left: Iterable[bytes]) -> None:
    for whole in left:
        client.send(whole)
        waiting.register(client, selectors.EVENT_READ)
        return
    client.close()


def field(body: bytes, *names: str) -> object:
    """A field of a JSON answer, by the names on the way to it."""
    found: Any = json.loads(body)
    for name in names:
        found = found[name]
    return found
