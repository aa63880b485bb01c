"""A place for a database on each engine: a file, or a PostgreSQL of the test run's own on loopback."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from bot.store.database import migrate
from bot.store.engines import Where

#: What store and scenarios run on: `make test` leaves it at the default, `make test-postgres` sets it.
ENGINES: Final = tuple(os.environ.get("ENGINES", "sqlite").split())
#: What worlds are made on.
engine: Final = ContextVar("engine", default=ENGINES[0])
#: For tests that look into SQLite itself: its plans of queries, the steps of its machine.
sqlite_alone: Final = pytest.mark.skipif(ENGINES[0] != "sqlite", reason="looks into SQLite itself")
_FOLDERS: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def binaries() -> Path | None:
    """The newest PostgreSQL's programs, None when there is none."""
    found = [path for pattern in _FOLDERS for path in Path("/").glob(pattern[1:]) if (path / "initdb").exists()]
    if found:
        return max(found, key=str)
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Server:
    """A cluster in a folder of its own; ``durable`` False leaves out what only a power cut would show.

    ``address`` is where other machines reach it, besides loopback.
    """

    def __init__(self, programs: Path, *, durable: bool = False, address: str = "127.0.0.1") -> None:
        self._programs = programs
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-pg-"))
        self._numbers = itertools.count(1)
        self._address = address
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "fleet", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        options = {
            "listen_addresses": ", ".join(sorted({"127.0.0.1", address})),
            "unix_socket_directories": "",
            "port": str(self.port),
            "max_connections": "200",
            "fsync": "on" if durable else "off",
            "shared_buffers": "64MB",
        }
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
        with (data / "pg_hba.conf").open("a") as file:
            file.write(f"host all fleet {address}/24 trust\n")
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"))

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "stop", "-w", "-m", how, "-D", str(self.folder / "data"))

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """kill -9 of the whole server: what was committed is there when it starts again."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)

    def url(self, name: str) -> str:
        return f"postgresql://fleet@{self._address}:{self.port}/{name}"

    def empty(self) -> str:
        """A new database."""
        return self._made("template0")

    def migrated(self) -> str:
        """A new database with our tables; copied, because migrating takes longer."""
        if not hasattr(self, "_template"):
            migrate(self.empty())
            self._template = f"fleet_{next(self._numbers) - 1}"
        return self._made(self._template)

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _made(self, template: str) -> str:
        name = f"fleet_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd="/", timeout=60)


@cache
def _server() -> Server:
    programs = binaries()
    if programs is None:
        missing = "there is no PostgreSQL here (initdb); `apt-get install postgresql` brings one"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    pytest.importorskip("psycopg")
    return Server(programs)


def stop_server() -> None:
    """At the end of the run."""
    if _server.cache_info().currsize:
        _server().remove()
        _server.cache_clear()


def server() -> Server:
    """The one of this process, started at the first use. Skips without one; fails in CI."""
    return _server()


def keys(where: Where) -> dict[str, Any]:
    """What ``[orchestrator]`` says of it."""
    return {"db_path": where} if isinstance(where, Path) else {"database_url": SecretStr(where)}


@contextlib.contextmanager
def of_the_run(folder: Path) -> Iterator[Where]:
    """One with our tables, for what is tried on one engine only: the first that the run names."""
    with database(ENGINES[0], folder) as made:
        yield made


@contextlib.contextmanager
def database(of: str, folder: Path, *, empty: bool = False) -> Iterator[Where]:
    """A place with our tables in it, or maybe ``empty``."""
    if of == "sqlite":
        path = folder / "fleet.db"
        if not empty and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(_migrated_file())
        yield path
        return
    where = server().migrated()  # also when it may be empty: migrating again does nothing, and takes a moment
    yield where
    server().sql(f"DROP DATABASE {where.rpartition('/')[2]} WITH (FORCE)")


@cache
def _migrated_file() -> bytes:
    """Migrated once; a copy is quicker."""
    with tempfile.TemporaryDirectory() as folder:
        migrate(Path(folder) / "fleet.db")
        return (Path(folder) / "fleet.db").read_bytes()
