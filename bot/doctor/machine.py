"""What lies on this machine: configuration file, data folder, database, worker, and the service's own address."""

import http.client
import math
import os
import shlex
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.core import damage_text, notice_text, operator_text
from bot.core import doctor_text as text
from bot.core.errors import Refused, Unavailable
from bot.doctor.finding import Finding, fail, ok, warn
from bot.service.retention import limits
from bot.settings import Settings
from bot.store import Store, beats, guards, inbox, notices, outbox, retention, trouble
from bot.store.database import pending
from bot.store.engines import Where, shown

_GIB: Final = 1024**3
_FULL_GIB: Final = 0.5
_LITTLE_GIB: Final = 2.0
_OTHERS: Final = 0o077
#: Loops of the worker, and the silence after which they count as stuck; one may be waiting for a slow forge.
_STUCK_SECS: Final = 300.0
_LOOPS: Final = ("inbox", "outbox", "dispatch", "timers")
_ANSWER_SECS: Final = 10
#: Between two looks more may come than the limit allows.
_SLACK: Final = 1.2
#: Wishes that have failed this often mean that the forge does not take them.
_FAILED_TRIES: Final = 2


def free_bytes(path: Path) -> int:
    """What this user may still write on the disk of ``path``."""
    return shutil.disk_usage(path).free


def config_files(files: Sequence[Path]) -> Iterator[Finding]:
    yield ok("config", text.config_read([str(path) for path in files]))
    for path in files:
        if path.stat().st_mode & _OTHERS:
            yield fail("config.private", text.config_open(str(path)), command=f"chmod 600 {shlex.quote(str(path))}")
        else:
            yield ok("config.private", text.config_private())


def disk(settings: Settings, free: Callable[[Path], int]) -> Finding:
    folder = settings.orchestrator.data_path
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail("disk", text.no_folder(str(folder)), text.let_us_write(str(folder)))
    gib = free(folder) / _GIB
    if gib >= _LITTLE_GIB:
        return ok("disk", text.space(str(folder), gib))
    found = fail if gib < _FULL_GIB else warn
    return found("disk", text.little_space(str(folder), gib), text.make_space(str(folder)))


def kept(settings: Settings, store: Store) -> Finding:
    """How much lies there of what may go, against its limits."""
    sizes = store.read(retention.kept)
    bounds = limits(settings)
    parts = [(kind, sizes[kind], bounds[kind]) for kind in retention.KINDS]
    said = text.kept(parts)
    if over := [kind for kind, size, bound in parts if bound and size > bound * _SLACK]:
        return warn("disk.kept", said, text.over_limit(over))
    return ok("disk.kept", said)


def database(where: Where) -> Iterator[Finding]:
    """Nothing is made or changed; what follows needs a database only when every line is ok."""
    if not isinstance(where, Path):
        yield _schema(where)  # whether it is whole and private is its server's to say
        return
    try:
        there = where.exists()
    except PermissionError as problem:
        why = operator_text.not_possible_here(str(where), problem.strerror or "")
        yield fail("database", why, operator_text.check_rights_and_disk())
        return
    if not there:
        yield fail("database", text.no_database(str(where)), command="agent-fleet migrate")
        return
    if broken := _damage(where):
        yield broken
        return
    yield _schema(where)
    if where.stat().st_mode & _OTHERS:
        yield warn("database.private", text.database_open(str(where)), command=f"chmod 600 {shlex.quote(str(where))}")


def _schema(where: Where) -> Finding:
    try:
        missing = pending(where)
    except Refused as newer_or_away:
        return fail("database", newer_or_away.reason, newer_or_away.fix)
    if missing:
        return fail("database", text.schema_old(shown(where), missing), command="agent-fleet migrate")
    if isinstance(where, Path):
        return ok("database", text.database_good(str(where)))
    return ok("database", text.database_answers(shown(where)))


def guarded(store: Store) -> Iterator[Finding]:
    """Says nothing of a log that cannot be changed, as it should be."""
    if gone := store.read(guards.missing):
        yield fail("database.guards", damage_text.guards_missing(gone), damage_text.guards_again())


def queues(store: Store) -> Iterator[Finding]:
    """What could not be dealt with."""
    aside, waiting = store.read(lambda sql: (inbox.put_aside(sql), outbox.pending(sql)))
    if aside:
        yield warn("inbox", text.put_aside(len(aside)), text.report_it())
    else:
        yield ok("inbox", text.nothing_put_aside())
    failing = [error for _, tries, error in waiting if tries >= _FAILED_TRIES]
    if failing:
        yield warn("outbox", text.outbox_behind(len(failing), failing[-1]), text.outbox_waits())
    else:
        yield ok("outbox", text.outbox_good())


def notifications(settings: Settings, store: Store) -> Iterator[Finding]:
    """One line per destination that cannot be told, or one for all."""
    if not settings.notify:
        yield ok("notify", notice_text.doctor_none())
        return
    failing = {one.destination: one for one in store.read(notices.standings) if one.tries >= _FAILED_TRIES}
    good = []
    for entry in settings.notify:
        command = f"agent-fleet notify test {entry.name}"
        try:
            entry.read_secret()
        except Refused as refused:
            yield fail("notify", notice_text.doctor_unusable(entry.name, refused.reason), refused.fix)
            continue
        if entry.name in failing:
            said = notice_text.doctor_failing(entry.name, failing[entry.name].error)
            yield warn("notify", said, notice_text.try_it(command), subject=entry.name)
        else:
            good.append(entry.name)
    if good:
        yield ok("notify", notice_text.doctor_good(good))


def worker(store: Store, now: float) -> Finding:
    if not store.led():
        return fail("worker", text.no_worker(), text.start_it())
    ages = store.read(lambda sql: beats.ages(sql, now))
    silent = [name for name in _LOOPS if ages.get(name, math.inf) > _STUCK_SECS]
    return (
        fail("worker", text.worker_stuck(silent), text.restart_worker()) if silent else ok("worker", text.worker_runs())
    )


def failing(store: Store, now: float) -> Iterator[Finding]:
    """Parts of the worker that end with an error each time, although its loops come round."""
    for name, secs in store.read(lambda sql: beats.failing(sql, now)).items():
        yield warn("worker.fails", damage_text.part_fails(name, secs), damage_text.see_the_log_and_verify())


def server(settings: Settings) -> Finding:
    """Asked at its public address, as forge and agents do."""
    url = settings.server.url.rstrip("/")
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=_ANSWER_SECS) as answer:  # noqa: S310 - http(s), checked
            ours = "Agent-Fleet-Version" in answer.headers
    except urllib.error.HTTPError as problem:
        ours = "Agent-Fleet-Version" in problem.headers
    except (OSError, http.client.HTTPException) as problem:
        return fail("server", text.server_silent(url, str(getattr(problem, "reason", problem))), text.check_address())
    if not ours:
        return fail("server", text.server_stranger(url), text.free_the_port())
    return ok("server", text.server_answers(url))


def _damage(path: Path) -> Finding | None:
    """What SQLite's own check says; None for a database that is whole."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
            [said] = raw.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        told = trouble.explained(problem)
        if isinstance(told, Unavailable):
            return fail("database", told.what, operator_text.try_again(None))
        if told is not None and told.kind != "database_damaged":  # closed to us, not broken: a backup mends nothing
            return fail("database", told.reason, told.fix)
        said = problem
    if said == "ok":
        return None
    return fail("database", text.database_broken(str(path), " ".join(str(said).split())), text.restore_it(str(path)))
