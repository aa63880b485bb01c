"""Two hosts for the whole session (real SSH servers), and fresh doors to them for each test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.execution.host_workspace import HostWorkspace
from bot.execution.hostkeys import PinnedKeys
from bot.execution.hosts import Host, Job
from bot.execution.local import LocalHost
from bot.execution.ssh import Login, SshHost
from bot.execution.workspace import Identity
from tests.hosts.machines import SSHD, USER, Sshd, key_pair, need
from tests.hosts.source import Source

FLEET = Identity("Agent Fleet", "fleet@example.org")


@dataclass(frozen=True)
class Site:
    """The keys of the session and its two SSH servers."""

    path: Path
    key: Path
    first: Sshd
    second: Sshd


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    need("sshd", SSHD, "install openssh-server")
    path = tmp_path_factory.mktemp("site")
    key = key_pair(path / "key")
    site = Site(path, key, Sshd(path / "first", key), Sshd(path / "second", key))
    yield site
    site.first.kill_all()
    site.second.kill_all()


Door = Callable[..., SshHost]


@pytest.fixture
def door(site: Site, tmp_path: Path) -> Iterator[Door]:
    """Makes ways to a server; all of them are closed at the end."""
    opened: list[SshHost] = []

    def make(
        server: Sshd | None = None,
        *,
        work_dir: Path | None = None,
        host_key: str | None = None,
        **changes: object,
    ) -> SshHost:
        sshd = server or site.first
        login = Login("127.0.0.1", USER, sshd.port, key_path=site.key, connect_secs=10)
        login = replace(login, **changes)  # type: ignore[arg-type]
        pinned = sshd.host_key_line() if host_key is None else host_key
        keys = PinnedKeys(login.hostname, login.port, tmp_path / "known_hosts", pinned, host_id="first")
        opened.append(SshHost("first", str(work_dir or tmp_path / "work"), login, keys))
        return opened[-1]

    yield make
    for way in opened:
        way.close()


@pytest.fixture
def host(door: Door) -> Host:
    return Host(door())


@pytest.fixture
def here(tmp_path: Path) -> Host:
    """The same machine without SSH."""
    return Host(LocalHost("here", str(tmp_path / "work"), USER, allow_same_user=True))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "source")


Prepare = Callable[..., HostWorkspace]


@pytest.fixture
def prepare(source: Source) -> Prepare:
    """Lays out a workspace on a host."""

    def make(host: Host, task: str = "owner/repo#7", fence: int = 3) -> HostWorkspace:
        space = HostWorkspace(host, task, fence)
        space.supply(source.mirror, "1", source.base)
        space.prepare("1", source.base, FLEET, branch="fleet/7-x")
        return space

    return make


JobOf = Callable[..., Job]


@pytest.fixture
def job(prepare: Prepare) -> JobOf:
    """A run of a shell command in a prepared workspace."""

    def make(host: Host, run_id: str, script: str, *, task: str = "owner/repo#7", **changes: object) -> Job:
        space = prepare(host, task)
        return replace(
            Job(run_id, space.key, 3, ["/bin/sh", "-c", script], timeout_secs=120, grace_secs=1),
            **changes,  # type: ignore[arg-type]
        )

    return make
