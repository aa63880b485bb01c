"""Agents that wait over HTTP: what they cost, and how soon one of them has the work that a webhook brought."""

import selectors
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import wire
from benchmarks.measure import Figure, Wrong
from benchmarks.service import ENROLMENT, SECRET, Service
from bot.core.facts import Repository as Fact
from bot.standin import Delivery, Repository, Standin
from bot.store import forge_facts, open_store

_HEALTH: Final = wire.request("GET", "/healthz")
_WAIT_SECS: Final = 25
_PATIENCE_SECS: Final = 60.0


class Agents:
    """So many that wait for work, on a connection each; a thread of ours holds all of them."""

    def __init__(self, service: Service, count: int, capability: str) -> None:
        self._address = service.address
        self._clients = [wire.Client(service.address) for _ in range(count)]
        self._asking: dict[int, bytes] = {}
        self._claims = 0
        #: When an issue's task came, and how often.
        self.came: dict[int, list[float]] = {}
        self.changed = threading.Condition()
        self._over = threading.Event()
        for n, client in enumerate(self._clients):
            said = {"agent_id": f"wait-{n}", "agent_type": "exec", "capabilities": [capability], "max_concurrency": 100}
            status, body = client.asks(wire.api("agents/register", said, ENROLMENT))
            if status not in (200, 201):
                raise SystemExit(f"registering: {status} {body.decode()}")
            token = wire.field(body, "agent_token")
            dequeue = {"agent_id": f"wait-{n}", "wait_secs": _WAIT_SECS}
            self._asking[n] = wire.api("tasks/dequeue", dequeue, str(token))
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        with selectors.DefaultSelector() as waiting:
            for n, client in enumerate(self._clients):
                client.send(self._asking[n])
                waiting.register(client, selectors.EVENT_READ, n)
            late: list[tuple[float, int]] = []
            while not self._over.is_set():
                for key, _ in waiting.select(0.05):
                    self._answered(waiting, key.data, late)
                now = time.monotonic()
                while late and late[0][0] <= now:
                    n = late.pop(0)[1]
                    self._clients[n].send(self._asking[n])
                    waiting.register(self._clients[n], selectors.EVENT_READ, n)

    def _answered(self, waiting: selectors.BaseSelector, n: int, late: list[tuple[float, int]]) -> None:
        client = self._clients[n]
        waiting.unregister(client)  # it may go on with another connection
        status, body = client.answer()
        at = time.perf_counter()
        if status == 200:
            with self.changed:
                self.came.setdefault(int(str(wire.field(body, "task", "issue"))), []).append(at)
                self.changed.notify_all()
        elif status != 204:
            raise SystemExit(f"dequeue: {status} {body.decode()}")
        late.append((time.monotonic() + (0.0 if status == 200 else 1.0), n))  # as Retry-After asks

    def comes(self, issue: int) -> float:
        """When the task of ``issue`` came to one of them. Raises Wrong when it does not, or came twice."""
        with self.changed:
            if not self.changed.wait_for(lambda: issue in self.came, _PATIENCE_SECS):
                raise Wrong(f"the task of issue {issue} came to nobody")
            return self.came[issue][0]

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for client in self._clients:
            client.close()


def measure(folder: Path, rounds: int, agents: int, starts: int, idle_secs: float) -> Iterator[Figure]:
    forge = Standin(folder / "forge")
    with forge.serve():
        bot = forge.person("fleet-bot")
        seats = {"threads": agents, "waiting": agents * 3 // 4}  # of each of the two processes
        with Service(folder, forge.url, bot.token, worker=True, **seats) as service:
            repo = _repository(forge, service)
            before = service.memory_mb()
            waiting = Agents(service, agents, "python")
            try:
                yield from _idle(service, before, rounds, agents, idle_secs)
                yield from _starts(forge, service, repo, waiting, rounds, starts)
            finally:
                waiting.close()


def crowd(folder: Path, rounds: int, agents: int) -> Iterator[Figure]:
    """More agents than threads: those who find no seat are sent away, and everybody else is served."""
    figure = Figure(f"{agents} agents, 2 × 64 threads: /healthz p99, ms", 20, at_most=True)
    with Service(folder, threads=64) as service:
        waiting = Agents(service, agents, "python")
        try:
            for _ in range(rounds):
                taken = _health_ms(service, 300)
                figure.add(_p99(taken), f"p50 {statistics.median(taken):.1f} ms")
        finally:
            waiting.close()
    yield figure


def _idle(service: Service, before_mb: float, rounds: int, agents: int, secs: float) -> Iterator[Figure]:
    cpu = Figure(f"{agents} waiting agents: idle CPU, % of one core", 3.0, at_most=True)
    memory = Figure(f"{agents} waiting agents: memory each, MB", 0.2, at_most=True)
    health = Figure(f"{agents} waiting agents: /healthz p99, ms", 10.0, at_most=True)
    for _ in range(rounds):
        used, began = service.cpu_secs(), time.monotonic()
        time.sleep(secs)
        used, took = service.cpu_secs() - used, time.monotonic() - began
        cpu.add(100 * used / took, f"web and worker, {took:.0f} s")
        now = service.memory_mb()
        memory.add((now - before_mb) / agents, f"{before_mb:.0f} → {now:.0f} MB, registering included")
        taken = _health_ms(service, 300)
        health.add(_p99(taken), f"p50 {statistics.median(taken):.1f} ms")
    yield from (cpu, memory, health)


def _starts(
    forge: Standin, service: Service, repo: Repository, waiting: Agents, rounds: int, starts: int
) -> Iterator[Figure]:
    ratio = Figure("webhook → agent starts p50 ÷ /healthz p50, agents waiting", 2.5, at_most=True)
    p99 = Figure("webhook → agent starts p99, ms", 25.0, at_most=True)
    writer = forge.person("bob")
    repo.grant(writer, "write")
    issues: list[int] = []
    sender = wire.Client(service.address)
    for _ in range(rounds):
        took, asked, health = [], [], _health_ms(service, 100)
        for _ in range(starts):
            _comes_to_rest(forge)
            forge.deliveries.drop()  # of what the bot itself did
            issue = repo.open_issue(writer, "Fix it", "", ["agent:python"])
            issues.append(issue.number)
            hooks = [_as_sent(x) for x in forge.deliveries.drop()]
            calls, began = len(forge.requests), time.perf_counter()
            for hook in hooks:
                sender.send(hook)
                if sender.answer()[0] != 202:
                    raise Wrong("a webhook was not acknowledged")
            took.append((waiting.comes(issue.number) - began) * 1000)
            asked.append(len(forge.requests) - calls)
        started, answered = statistics.median(took), statistics.median(health)
        calls_each = f"within it {statistics.median(asked):.0f} calls of the forge"
        ratio.add(started / answered, f"{started:.1f} ms ÷ {answered:.1f} ms; {calls_each}")
        p99.add(_p99(took), f"worst {max(took):.1f} ms of {len(took)}")
    sender.close()
    if any(len(waiting.came[n]) != 1 for n in issues):
        raise Wrong("a task came to two agents")
    yield from (ratio, p99)


def _as_sent(delivery: Delivery) -> bytes:
    return wire.request("POST", "/api/v1/webhooks/forgejo", delivery.body, delivery.all_headers())


def _comes_to_rest(forge: Standin) -> None:
    """Until the one before is shown on the forge and nobody asks it anything."""
    until, calls = time.monotonic() + _PATIENCE_SECS, -1
    while calls != len(forge.requests) and time.monotonic() < until:
        calls = len(forge.requests)
        time.sleep(0.15)


def _repository(forge: Standin, service: Service) -> Repository:
    repo = forge.repository("ann/demo", files={"README.md": "# Demo\n"})
    repo.grant(forge.person("fleet-bot"), "admin")
    for name in ("agent:python",):
        repo.label(name)
    repo.hook(f"{service.url}/api/v1/webhooks/forgejo", secret=SECRET, events=["issues"], active=True)
    fact = Fact(repo.id, "ann/demo", "main", f"{forge.url}/ann/demo.git", f"{forge.url}/ann/demo")
    store = open_store(service.path)
    store.write(lambda sql: forge_facts.remember_repo(sql, fact, time.time(), watch=True))
    store.close()
    return repo


def _health_ms(service: Service, times: int) -> list[float]:
    client, taken = wire.Client(service.address), []
    for _ in range(times):
        began = time.perf_counter()
        if client.asks(_HEALTH)[0] != 200:
            raise SystemExit("/healthz did not answer")
        taken.append((time.perf_counter() - began) * 1000)
    client.close()
    return taken


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]
