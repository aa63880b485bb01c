"""A backup: one tar of the database as it is at one moment and of the files it speaks of; and the way back.

The database is copied first: files are added before the database speaks of them, so a later copy of the folder has
them all. Left out is what is fetched or made again: mirrors of repositories, broken uploads, logs of runs on hosts.
"""

import contextlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bot.core import backup_text as text
from bot.core.errors import Refused
from bot.store import database
from bot.store.engines import Where, shown

_DATABASE: Final = "fleet.db"
_MANIFEST: Final = "manifest.json"
_DATA: Final = "data/"
_FORMAT: Final = 1
#: Folders of the data folder that are made again by themselves.
_MADE_AGAIN: Final = {"mirrors", "incoming"}


@dataclass(frozen=True)
class Contents:
    """``last`` is the chain digest (hex) of the newest event, "" without one; ``bytes`` the size of the file."""

    events: int
    last: str
    migrations: tuple[str, ...]
    files: int
    bytes: int


def file_of(where: Where) -> Path:
    """Raises Refused for a database that is no file."""
    if not isinstance(where, Path):
        raise Refused(text.not_a_file(shown(where)), text.back_up_the_server(), 409, "not_a_file")
    return where


def back_up(db_path: Path, data_dir: Path, target: Path, now: float) -> Contents:
    """Writes ``target``, which must not exist, readable for its owner only. Safe while everything runs."""
    if not db_path.exists():
        raise Refused(text.no_database(str(db_path)), text.see_db_path(), 404, "no_database")
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused(text.exists(str(target)), text.other_name(), 409, "exists") from None
    except OSError as problem:
        raise _unwritable(target, problem) from problem
    try:
        with os.fdopen(fd, "wb") as out:
            made = _write(db_path, data_dir, target, out, now)
            out.flush()
            os.fsync(out.fileno())
    except OSError as problem:
        target.unlink(missing_ok=True)
        raise _unwritable(target, problem) from problem
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return made


def restore(source: Path, db_path: Path, data_dir: Path, now: float) -> tuple[Contents, Path | None]:
    """Puts database and files back; returns what was in it and where the older state lies now (None: there was none).

    Raises Refused when the backup is newer than this program, the database is in use, or it knows of events that the
    backup does not.
    """
    with contextlib.ExitStack() as stack:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        db_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".restore-", dir=db_path.parent)))
        _unpack(source, folder)
        contents = _described(folder / _DATABASE, lambda why: _no_backup(source, why))
        unknown = set(contents.migrations) - {path.stem for path in database.MIGRATIONS.glob("0*.py")}
        if unknown:
            raise Refused(text.newer_backup(sorted(unknown)), text.install_newer(), 409, "schema_new")
        aside = _make_way(db_path, folder / _DATABASE, contents, now) if db_path.exists() else None
        _put(folder / _DATA, data_dir)
        (folder / _DATABASE).replace(db_path)
        db_path.chmod(0o600)
    return contents, aside


def _write(db_path: Path, data_dir: Path, target: Path, out: Any, now: float) -> Contents:
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        copy = Path(folder) / _DATABASE
        with closing(_reader(db_path)) as live, closing(sqlite3.connect(copy)) as made:
            live.backup(made)
            made.execute("PRAGMA journal_mode = delete")
        facts = _described(copy, lambda why: _damaged(db_path, why))
        files = 0
        with tarfile.open(fileobj=out, mode="w") as tar:
            manifest = {"format": _FORMAT, "made_at": now, "events": facts.events, "last": facts.last}
            _add_bytes(tar, _MANIFEST, json.dumps(manifest | {"migrations": facts.migrations}).encode(), now)
            tar.add(copy, _DATABASE)
            for path in _files(data_dir, db_path, target):
                with contextlib.suppress(FileNotFoundError):  # retention took it away this moment
                    tar.add(path, _DATA + str(path.relative_to(data_dir)))
                    files += 1
    return Contents(facts.events, facts.last, facts.migrations, files, target.stat().st_size)


def _files(data_dir: Path, db_path: Path, target: Path) -> Iterator[Path]:
    """What to keep of the data folder, the signing key included; never the live database and its locks."""
    for path in sorted(data_dir.rglob("*")):
        parts = path.relative_to(data_dir).parts
        made_again = parts[0] in _MADE_AGAIN or any(part.startswith((".backup-", ".restore-")) for part in parts)
        ours = path.parent == db_path.parent and path.name.startswith(db_path.name)
        backup = path.suffix == ".tar" or path.samefile(target)
        if path.is_file() and not path.is_symlink() and not (made_again or ours or backup):
            yield path


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Plain files below ``folder``, for us alone (Python 3.11.2 knows no filters). Raises ValueError for others."""
    for member in tar:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
            raise ValueError(member.name)
        if member.isdir():
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = tar.extractfile(member)
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            if content is not None:
                shutil.copyfileobj(content, file)


def _unpack(source: Path, folder: Path) -> None:
    try:
        with tarfile.open(source) as tar:
            _extract(tar, folder)
        found = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if found.get("format") != _FORMAT:
            raise Refused(text.not_a_backup(str(source), "unknown format"), text.install_newer(), 422, "no_backup")
    except (OSError, tarfile.TarError, ValueError, AttributeError) as problem:
        why = str(problem).partition("\n")[0].rstrip(":")  # tarfile tells what each of its ways of reading said
        raise _no_backup(source, why) from problem


def _no_backup(source: Path, why: str) -> Refused:
    return Refused(text.not_a_backup(str(source), why), text.made_by_backup(), 422, "no_backup")


def _damaged(db_path: Path, why: str) -> Refused:
    return Refused(text.source_damaged(str(db_path), why), text.see_doctor(), 500, "database_damaged")


def _described(copy: Path, unfit: Callable[[str], Refused]) -> Contents:
    """Raises what ``unfit`` makes of the reason when it is no whole database of ours."""
    try:
        with closing(_reader(copy)) as raw:
            [events] = raw.execute("SELECT count(*) FROM event").fetchone()
            last = raw.execute("SELECT chain FROM event ORDER BY seq DESC LIMIT 1").fetchone()
            names = [row[0] for row in raw.execute("SELECT name FROM schema_migration ORDER BY name")]
            [whole] = raw.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        raise unfit(str(problem)) from problem
    if whole != "ok":
        raise unfit(" ".join(str(whole).split()))
    return Contents(events, bytes(last[0]).hex() if last else "", tuple(names), 0, 0)


def _make_way(db_path: Path, copy: Path, contents: Contents, now: float) -> Path:
    """Moves the present database aside when it is an older state of the same fleet, or cannot be read at all."""
    if pids := users(db_path):
        raise Refused(text.in_use(str(db_path), pids), text.stop_first(), 409, "in_use")
    try:
        here = _described(db_path, lambda why: _damaged(db_path, why))
    except Refused:
        here = None  # damaged: what the backup is for
    if here is not None and here.events > contents.events:
        reason = text.newer_here(str(db_path), here.events, contents.events)
        raise Refused(reason, text.move_away(str(db_path.parent)), 409, "newer_state")
    if here is not None and here.last and not _knows(copy, here.last):
        raise Refused(text.another_history(str(db_path)), text.move_away(str(db_path.parent)), 409, "newer_state")
    aside = db_path.parent / f"before-restore-{int(now)}"
    aside.mkdir(mode=0o700)
    for name in (db_path.name, f"{db_path.name}-wal", f"{db_path.name}-shm"):
        with contextlib.suppress(FileNotFoundError):
            (db_path.parent / name).replace(aside / name)
    return aside


def _knows(copy: Path, chain: str) -> bool:
    with closing(_reader(copy)) as raw:
        return raw.execute("SELECT 1 FROM event WHERE chain = ?", (bytes.fromhex(chain),)).fetchone() is not None


def users(db_path: Path) -> Sequence[int]:
    """Other processes that have the database open, as far as this user may see."""
    wanted = str(db_path.resolve())
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) == wanted:
                found.add(int(link.parts[2]))
    return sorted(found - {os.getpid()})


def _put(folder: Path, data_dir: Path) -> None:
    for path in sorted(folder.rglob("*")) if folder.exists() else ():
        if path.is_file():
            target = data_dir / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.chmod(0o600)
            path.replace(target)


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes, now: float) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(now)
    tar.addfile(member, io.BytesIO(data))


def _unwritable(target: Path, problem: OSError) -> Refused:
    return Refused(text.cannot_write(str(target), problem.strerror or str(problem)), text.check_place(), 500, "disk")
