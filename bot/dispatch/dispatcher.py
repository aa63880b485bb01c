"""Who gets which task: the moment a slot and a fitting task exist, the least loaded agent of our hosts has it."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from bot.agent.failures import is_over
from bot.core import host_text, modes
from bot.core.errors import Refused, Unavailable
from bot.dispatch import second_chance
from bot.dispatch.leftovers import end_orphans
from bot.dispatch.run import Supervised
from bot.dispatch.site import HostSite, sites_of
from bot.execution.host_check import clear_up
from bot.service import claims, host_agents, reports
from bot.service.fleet import Fleet
from bot.store import Sql, agents, attempts, host_checks, host_runs
from bot.store.agents import Agent
from bot.store.attempts import Attempt

log = structlog.get_logger(__name__)

_DAY_SECS: Final = 24 * 3600
_PAUSE_SECS: Final = 5.0
_LONGEST_PAUSE_SECS: Final = 60.0
#: So often in a row a run's supervisor may fail before its attempt counts as failed.
_MOST_FAILURES: Final = 3
_STOP_SECS: Final = 20.0

Deed = Callable[[], None]


def in_a_thread(name: str, deed: Deed) -> None:
    threading.Thread(target=deed, name=name, daemon=True).start()


class Dispatcher:
    """One per database, in the worker. ``carry_out`` runs a named deed: in a thread of its own, or (tests) at once.

    After ``pause_secs`` a run whose supervisor failed is taken up again; the pause doubles with every failure.
    """

    def __init__(
        self, fleet: Fleet, carry_out: Callable[[str, Deed], None] = in_a_thread, pause_secs: float = _PAUSE_SECS
    ) -> None:
        self._fleet, self._carry_out, self._pause_secs = fleet, carry_out, pause_secs
        self._stopping = threading.Event()
        sites = sites_of(fleet.settings.machines, fleet.data_dir, self._stopping)
        self.sites = {site.name: site for site in sites}
        self._changed = threading.Condition()
        self._in_charge: set[tuple[str, int]] = set()
        self._failures: dict[tuple[str, int], int] = {}
        self._asked: set[str] = set()
        self._searched: set[str] = set()
        self._registered = False

    def turn(self) -> int:
        """Adopts what nobody watches over, then gives out work until nothing fits; returns how many it took on."""
        if not self._registered:
            host_agents.register(self._fleet)
            self._registered = True
        self._check_wished()
        return self._adopt() + self._give_out()

    def look_after(self) -> None:
        """A sign of life from every host that is not set aside; those are asked again when their time has come."""
        for site in self.sites.values():
            self._once(f"ask {site.name}", lambda of=site: self._ask(of))  # type: ignore[misc]

    def clear_up(self) -> None:
        """Removes workspaces that nobody has used for long, on every host that answers."""
        max_age = self._fleet.settings.orchestrator.keep_workspaces_days * _DAY_SECS
        for site in self.sites.values():
            if site.may_be_asked:
                self._once(f"clear {site.name}", lambda of=site: _clear_up(of, max_age))  # type: ignore[misc]

    def stop(self) -> None:
        """Lets go of every run without ending it; returns when nobody works on one any more.

        Whoever hangs in a call that cannot be broken off is left behind after a while: the next life adopts the run.
        """
        self._stopping.set()
        until = time.monotonic() + _STOP_SECS
        # Each in a thread: a connection that is being made holds up its end for as long as a name takes to be found.
        closing = [threading.Thread(target=site.close, daemon=True) for site in self.sites.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            left = max(0.0, until - time.monotonic())
            if not self._changed.wait_for(lambda: not self._in_charge and not self._asked, left):
                log.warning("left behind at the end", runs=sorted(self._in_charge), asked=sorted(self._asked))

    # --- runs that are there ------------------------------------------------------------------------------

    def _adopt(self) -> int:
        active, left = self._fleet.read(
            lambda sql: (attempts.running_in_mode(sql, modes.SSH_CLI), _ended_with_a_row(sql))
        )
        return sum(self._watch_over(attempt) for attempt in (*active, *left))

    def _watch_over(self, attempt: Attempt) -> bool:
        site = self.sites.get(attempt.host)
        if site is None:
            return self._give_up(attempt)
        key = (attempt.task_id, attempt.fence)
        with self._changed:
            if key in self._in_charge or self._stopping.is_set():
                return False
            if not attempt.active and not site.takes_work:
                return False  # nothing to do there but to end it, once it answers again
            self._in_charge.add(key)
        run = Supervised(self._fleet, site, attempt, self._stopping)
        self._carry_out(f"run {attempt.task_id}.{attempt.fence}", lambda: self._supervise(key, run))
        return True

    def _supervise(self, key: tuple[str, int], run: Supervised) -> None:
        pause = 0.0
        try:
            run.carry_out()
            self._failures.pop(key, None)
        except Unavailable as away:
            log.warning("a run is taken up again later", task=key[0], fence=key[1], reason=away.what)
            pause = self._pause_secs
        except Exception as problem:  # noqa: BLE001 - logged there, and counted
            pause = self._failed(key, run, problem)
        finally:
            self._stopping.wait(pause)
            with self._changed:
                self._in_charge.discard(key)
                self._changed.notify_all()

    def _failed(self, key: tuple[str, int], run: Supervised, problem: Exception) -> float:
        """A supervisor failed: seconds to wait before the next try. What always fails is not tried for ever."""
        if self._stopping.is_set():
            log.info("a run is let go of", task=key[0], fence=key[1], reason=str(problem))
            return 0.0
        self._failures[key] = count = self._failures.get(key, 0) + 1
        log.error("a run's supervisor failed", task=key[0], fence=key[1], times=count, exc_info=problem)
        if count >= _MOST_FAILURES:
            try:
                run.give_up()
            except (Refused, Unavailable) as refused:
                log.warning("a run cannot be given up", task=key[0], fence=key[1], reason=str(refused))
        return min(_LONGEST_PAUSE_SECS, self._pause_secs * 2.0 ** min(count - 1, 10))

    def _give_up(self, attempt: Attempt) -> bool:
        """A run on a host that the configuration does not name any more: nobody can reach it."""
        log.warning("run given up", task=attempt.task_id, reason=host_text.host_is_not_configured(attempt.host))
        if attempt.active:
            try:
                reports.lost(self._fleet, attempt.agent, attempt.task_id, attempt.fence, 0)
            except Refused as refused:
                if not is_over(refused):
                    raise
        self._fleet.store.write(lambda sql: host_runs.end(sql, attempt.task_id, attempt.fence))
        return True

    # --- new work -----------------------------------------------------------------------------------------

    def _give_out(self) -> int:
        given = 0
        while not self._stopping.is_set() and self._give_one():
            given += 1
        return given

    def _give_one(self) -> bool:
        for agent in self._free():
            task_id = claims.peek(self._fleet, agent.id)
            if task_id is None:
                continue
            chosen = self._with_the_workspace(task_id) or agent
            claim = claims.claim(self._fleet, chosen.id)
            if claim is None:
                continue
            self.sites[chosen.host].given_work()
            attempt = self._fleet.read(lambda sql, of=claim: attempts.get(sql, of.task.id, of.fence))  # type: ignore[misc]
            return attempt is not None and self._watch_over(attempt)
        return False

    def _free(self) -> Sequence[Agent]:
        """Agents of ours with a slot on a host that takes work, least loaded first."""
        everyone, busy = self._fleet.read(lambda sql: (agents.listed(sql), _busy(sql)))
        on_host: dict[str, int] = {}
        ours = [a for a in everyone if a.mode == modes.SSH_CLI and a.host in self.sites]
        for agent in ours:
            on_host[agent.host] = on_host.get(agent.host, 0) + busy.get(agent.id, 0)

        def load(agent: Agent) -> tuple[bool, float, float, str]:
            slots, doubt = self._slots(agent.host), self.sites[agent.host].in_doubt
            return doubt, on_host[agent.host] / slots, busy.get(agent.id, 0) / agent.max_concurrency, agent.id

        free = [
            agent
            for agent in ours
            if agent.status == agents.ONLINE
            and busy.get(agent.id, 0) < agent.max_concurrency
            and on_host[agent.host] < self._slots(agent.host)
            and self.sites[agent.host].takes_work
        ]
        return sorted(free, key=load)

    def _slots(self, host: str) -> int:
        entry = self.sites[host].entry
        together = sum(agent.max_concurrency for agent in entry.agents)
        return min(entry.max_concurrency, together) if entry.max_concurrency else together

    def _with_the_workspace(self, task_id: str) -> Agent | None:
        """The free agent on the host that has the task's workspace, when it would get this very task."""
        host = self._fleet.read(lambda sql: attempts.last_host(sql, task_id))
        there = [agent for agent in self._free() if agent.host == host]
        return next((agent for agent in there if claims.peek(self._fleet, agent.id) == task_id), None)

    # --- hosts --------------------------------------------------------------------------------------------

    def _once(self, what: str, deed: Deed) -> None:
        """``deed``, unless it is still going on since the last time: a dead host holds up nobody but itself."""
        with self._changed:
            if what in self._asked or self._stopping.is_set():
                return
            self._asked.add(what)

        def done() -> None:
            try:
                deed()
            except Exception:
                log.exception("looking after a host failed", what=what)
            finally:
                with self._changed:
                    self._asked.discard(what)
                    self._changed.notify_all()

        self._carry_out(what, done)

    def _ask(self, site: HostSite) -> None:
        if site.may_be_asked:
            try:
                site.ask(lambda host: host.ping())
            except (Unavailable, Refused) as problem:
                log.info("host does not answer", host=site.name, reason=str(problem))
            else:
                self._search(site)
        if not self._stopping.is_set():
            host_agents.stands(self._fleet, site.name, site.standing.state, site.standing.why)

    def _check_wished(self) -> None:
        """Hosts that an operator wants looked at now, set aside or not."""
        for name in self._fleet.read(host_checks.waiting):
            if site := self.sites.get(name):
                self._once(f"check {name}", lambda of=site: second_chance.check(self._fleet, of))  # type: ignore[misc]

    def _search(self, site: HostSite) -> None:
        """Once in our life, when it first answers."""
        if site.name in self._searched:
            return
        try:
            end_orphans(self._fleet, site)
        except (Unavailable, Refused) as problem:
            log.warning("host could not be searched for runs", host=site.name, reason=str(problem))
        else:
            self._searched.add(site.name)


def _clear_up(site: HostSite, max_age_secs: int) -> None:
    try:
        gone = site.ask(
            lambda host: clear_up(host, max_age_secs=max_age_secs, min_free_kib=site.entry.min_free_mib * 1024)
        )
    except (Unavailable, Refused) as problem:
        log.warning("host could not be cleared up", host=site.name, reason=str(problem))
        return
    if gone.workspaces or gone.caches:
        log.info("host cleared up", host=site.name, workspaces=len(gone.workspaces), caches=len(gone.caches))


def _busy(sql: Sql) -> dict[str, int]:
    """Slots taken by agent: what runs, and what is still being ended on its host."""
    held = {(a.task_id, a.fence): a.agent for a in attempts.running_in_mode(sql, modes.SSH_CLI)}
    held |= {(run.task_id, run.fence): run.agent for run in host_runs.listed(sql)}
    found: dict[str, int] = {}
    for agent in held.values():
        found[agent] = found.get(agent, 0) + 1
    return found


def _ended_with_a_row(sql: Sql) -> list[Attempt]:
    """Attempts that are over while their host may still have something of them."""
    found = (attempts.get(sql, run.task_id, run.fence) for run in host_runs.listed(sql))
    return [attempt for attempt in found if attempt is not None and not attempt.active]
