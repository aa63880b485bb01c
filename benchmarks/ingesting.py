"""Webhooks coming in over HTTP against bare durable commits of the same bytes."""

import hashlib
import hmac
import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import wire
from benchmarks.measure import Figure, Wrong, per_sec
from benchmarks.service import SECRET, Service

_BODY: Final = b'{"action": "opened", "x": "' + b"y" * 10_000 + b'"}'
_CLIENTS: Final = 64
_SLOWER_MS: Final = 5.0
_numbers: Final = itertools.count()


def raw_commits(path: Path, number: int, slower_ms: float = 0.0) -> int:
    """One connection, one row of a webhook's size per durable commit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = wal")
        raw.execute("PRAGMA synchronous = full")
        raw.execute("CREATE TABLE IF NOT EXISTS plain (id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(number):
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("INSERT INTO plain (body) VALUES (?)", (_BODY,))
            if slower_ms:
                time.sleep(slower_ms / 1000)
            raw.execute("COMMIT")
    return number


def deliveries(number: int) -> tuple[str, list[bytes]]:
    """What their ids begin with, and the requests."""
    signature = hmac.new(SECRET.encode(), _BODY, hashlib.sha256).hexdigest()
    prefix = f"run{next(_numbers)}-"

    def one(n: int) -> bytes:
        headers = {
            "X-Forgejo-Event": "issues",
            "X-Forgejo-Delivery": f"{prefix}{n}",
            "X-Forgejo-Signature": signature,
            "Content-Type": "application/json",
        }
        return wire.request("POST", "/api/v1/webhooks/forgejo", _BODY, headers)

    return prefix, [one(n) for n in range(number)]


def measure(folder: Path, rounds: int, number: int) -> Iterator[Figure]:
    for slower_ms, goal, count in ((0.0, 0.5, number), (_SLOWER_MS, 6.0, number // 2)):
        slower = f", {slower_ms:g} ms slower fsync" if slower_ms else ""
        figure = Figure(f"webhook ingest over HTTP ÷ raw durable commits, {_CLIENTS} clients{slower}", goal)
        place = folder / f"slower-{slower_ms:g}"
        place.mkdir()
        with Service(place, slower_ms=slower_ms) as service:
            for _ in range(rounds):
                fewer = max(50, count // 10) if slower_ms else count
                base = per_sec(partial(raw_commits, place / "plain.db", fewer, slower_ms))
                ours = per_sec(partial(_ingest, service, count))
                figure.add(ours / base, f"{ours:.0f}/s ÷ {base:.0f}/s")
        yield figure


def _ingest(service: Service, number: int) -> int:
    prefix, requests = deliveries(number)
    accepted = wire.everyone(service.address, _CLIENTS, requests).count(202)
    with closing(sqlite3.connect(service.path)) as raw:
        [kept] = raw.execute("SELECT count(*) FROM inbox WHERE delivery LIKE ?", (f"{prefix}%",)).fetchone()
    if not accepted == kept == number:
        raise Wrong(f"of {number} webhooks {accepted} were acknowledged and {kept} are kept")
    return number
