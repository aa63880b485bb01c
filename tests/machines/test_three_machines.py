"""Machines, connections and databases that die or stand still: every task ends once, every effect happens once."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
import requests

from bot.standin import Issue, Standin
from bot.store import open_store, outbox
from bot.store.verify import differences
from tests.machines.machines import SECRET, Machine
from tests.machines.workers import Worker
from tests.world import databases, netns
from tests.world.netns import Network

_PATIENCE_SECS: Final = 90.0
#: Clocks of the machines, in seconds from the right time.
_CLOCKS: Final = (0, 300, -300)


@pytest.fixture(scope="module")
def network() -> Iterator[Network | None]:
    with netns.network(len(_CLOCKS)) as found:
        yield found


@pytest.fixture
def server(network: Network | None) -> Iterator[databases.Server]:
    databases.server()  # skips where there is none, fails in CI
    programs = databases.binaries()
    assert programs is not None
    made = databases.Server(programs, durable=True, address=network.here if network else "127.0.0.1")
    yield made
    made.remove()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Story:
    def __init__(self, folder: Path, server: databases.Server, network: Network | None, forge: Standin) -> None:
        self.server, self.forge = server, forge
        self.where = server.migrated()
        bot = forge.person("fleet-bot")
        self.writer = forge.person("bob")
        self.repo = forge.repository("ann/demo", files={"README.md": "# Demo\n"})
        self.repo.grant(bot, "admin")
        self.repo.grant(self.writer, "write")
        self.repo.label("agent:python")
        self.repo.hook("http://fleet.invalid/", secret=SECRET, events=["issues"], active=True)
        self.machines = [
            Machine(folder, number, network, forge.url, bot.token, self.where, ahead)
            for number, ahead in enumerate(_CLOCKS)
        ]
        self.issues: list[Issue] = []

    def asks_for_work(self, of: Sequence[Machine], issues: int = 3) -> None:
        """So many issues; every delivery comes to each machine of these, one after the other.

        One that gets no answer is not sent again, as forges do it: the sweep finds what it was about.
        """
        for _ in range(issues):
            self.issues.append(self.repo.open_issue(self.writer, "Fix it", "", ["agent:python"]))
        for delivery in self.forge.deliveries.drop():
            for machine in of:
                url = f"{machine.url}/api/v1/webhooks/forgejo"
                with contextlib.suppress(requests.RequestException):
                    requests.post(url, data=delivery.body, headers=delivery.all_headers(), timeout=5)

    def leader(self) -> object:
        """The session that leads, None for nobody."""
        held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 3 AND granted"
        return next(iter(self.server.sql(held)), None)

    def leading(self) -> Machine:
        """The machine that leads; where they share an address, the first that may."""
        until(self.leader)
        found = self.server.sql(
            """SELECT host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid)
               WHERE locktype = 'advisory' AND objid = 3 AND granted"""
        )
        by_address = {machine.address: machine for machine in self.machines}
        return by_address.get(str(found[0][0]) if found else "", self.machines[0])

    def loses_all_connections(self) -> None:
        self.server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND application_name = 'agent-fleet'"
        )

    def all_done(self) -> bool:
        """Ended, and all of it shown on the forge."""
        if not all("fleet/done" in issue.label_names for issue in self.issues):
            return False
        with contextlib.closing(open_store(self.where)) as store:
            return not store.read(outbox.pending)

    def fence(self, task_id: str) -> int:
        with contextlib.closing(open_store(self.where)) as store:
            return int(store.read(lambda sql: sql.value("SELECT fence FROM task WHERE id = ?", task_id)))


@pytest.mark.timeout(240)  # nine seconds pass until a paused leader is given up, and all start up more than once
def test_every_task_ends_once_whatever_dies(server: databases.Server, network: Network | None, tmp_path: Path) -> None:
    forge = Standin(tmp_path / "forge")
    with forge.serve(address=network.here if network else "127.0.0.1"):
        story = Story(tmp_path, server, network, forge)
        workers: list[Worker] = []
        try:
            _happens(story, workers)
        finally:
            for worker in workers:
                worker.over.set()
            for machine in story.machines:
                machine.stops()


def _happens(story: Story, workers: list[Worker]) -> None:
    machines = story.machines
    for machine in machines:
        until(machine.is_ready)
    wakes_up = threading.Event()
    zombie = Worker("zombie", machines, sleeps=wakes_up)
    workers.append(zombie)
    zombie.start()
    story.asks_for_work(machines, issues=1)
    until(lambda: zombie.first)
    workers += [Worker(f"gpu-{n}", machines[n:] + machines[:n]) for n in range(len(machines))]
    for worker in workers[1:]:
        worker.start()
    story.asks_for_work(machines)

    dead, led = story.leading(), story.leader()
    dead.loses_power()
    others = [machine for machine in machines if machine is not dead]
    story.asks_for_work(others)
    until(lambda: story.leader() not in (None, led))
    dead.starts()

    others[0].loses_a_web_process()
    story.asks_for_work(others[1:])
    story.loses_all_connections()
    story.asks_for_work(others[1:])
    until(dead.is_ready)

    paused, led = story.leading(), story.leader()
    paused.is_paused()  # for longer than a lease: the server takes the lead away before
    others = [machine for machine in machines if machine is not paused]
    story.asks_for_work(others)
    until(lambda: story.leader() not in (None, led))
    paused.goes_on()

    story.server.stop("immediate")
    story.server.start()
    until(machines[0].is_ready)
    story.asks_for_work(machines[:1])

    until(lambda: story.fence(zombie.first["task_id"]) > zombie.first["fence"])
    wakes_up.set()
    until(story.all_done)
    until(lambda: zombie.stale)
    assert zombie.stale == [zombie.first["fence"]]
    assert [machine.stops() for machine in machines] == [0, 0, 0]
    _ended_once(story)


def _ended_once(story: Story) -> None:
    for issue in story.issues:
        assert [name for name in issue.label_names if name.startswith("fleet/")] == ["fleet/done"]
        said = [x.body for x in issue.comments if x.by.login == "fleet-bot"]
        assert [sum(kind in body for body in said) for kind in (":status:", ":notice-", "fleet:v1:")] == [1, 1, 2], said
    with contextlib.closing(open_store(story.where)) as store:
        ended = store.read(lambda sql: sql.all("SELECT task_id FROM event WHERE kind = 'nothing_to_change'"))
        assert len(ended) == len(set(ended)) == len(story.issues)
        assert store.read(lambda sql: list(differences(sql))) == []
