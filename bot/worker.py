"""The worker: inbox → steps, outbox → forge, work → hosts, timers, sweeps. One works, whoever else stands by."""

import math
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import schedule
import structlog

from bot.core.errors import Refused, Unavailable
from bot.core.operator_text import another_worker, stop_the_other_worker
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.workflows import WorkflowDispatcher
from bot.service import clocks, housekeeping, intake, notices, publish, receipt_key, reconcile, retention, sweep
from bot.service.fleet import Fleet
from bot.service.opening import opened
from bot.settings import Settings
from bot.store import beats, inbox, outbox
from bot.store import notices as kept_notices
from bot.store.engines import shown
from bot.store.leading import Lead
from bot.store.wakeups import INBOX, NOTICES, OUTBOX, TOPICS, WORK

log = structlog.get_logger(__name__)

#: Leases and timers are looked at this often; nothing waits for it but what time itself decides.
_TICK_SECS: Final = 1.0
_BEAT_SECS: Final = 5.0
#: What is to be shown is shown so much later: by then an agent that waits has a new task, and one write says both.
_GATHER_SECS: Final = 0.05
#: Hosts are asked at least this often, however rarely agents have to beat.
_HOSTS_SECS: Final = 30.0
#: One that lost the lead unknowingly looks every second and finishes what it has begun; a successor waits for that.
_FINISH_SECS: Final = 3
#: Whoever beat within this time may still be at it.
_JUST_NOW_SECS: Final = 15.0
#: A loop waits no longer than this for the world to answer again: it is alive, and its beat must show it.
_PATIENCE_SECS: Final = 15.0

#: Loops that mostly come round with nothing to do: whether they fail is told of each part of their work.
_IN_PARTS: Final = ("sweep", "housekeeping")


class Worker:
    """Runs until told to stop. ``jobs`` are `schedule`'s: they only signal, the work is done by the loops.

    On PostgreSQL any number of workers may run: one holds the lead and works, the others take over when it is gone.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._dispatcher = Dispatcher(fleet)
        self._workflow_dispatcher = WorkflowDispatcher(fleet)
        self._stop = threading.Event()
        self._over = threading.Event()  # also when only the lead is lost
        self._sweep_due = threading.Event()
        self._tidying_due = threading.Event()
        self._comparing_due = threading.Event()
        self._looking_due = threading.Event()
        self._limits_due = threading.Event()
        self._beaten: dict[str, float] = {}
        self._failing: set[str] = set()
        self._leads = False
        self._held_at = math.inf  # by the steady clock: when a lead that others may take was last known to be ours

    def run(self) -> None:
        """Blocks. Raises Refused when another worker runs on this SQLite database."""
        lead = self._fleet.store.lead()
        try:
            while self._taken(lead):
                log.info("this worker works")
                self._leads = True
                self._work(lead)
                self._leads = False
                lead.give_up()
        finally:
            lead.give_up()

    def _taken(self, lead: Lead) -> bool:
        """Waits for the lead; False when told to stop."""
        stands_by = False
        while not self._stop.is_set():
            try:
                if lead.take():
                    if self._former_is_done(lead):
                        return True
                    continue
                if lead.shared and not stands_by:
                    stands_by = True
                    log.info("another worker works, this one stands by")
            except Unavailable as problem:
                log.warning("waiting for the database to answer again", reason=str(problem))
            if not lead.shared:
                here = shown(self._fleet.store.where)
                raise Refused(another_worker(here), stop_the_other_worker(), 409, "another_worker")
            self._stop.wait(_TICK_SECS)
        return False

    def _former_is_done(self, lead: Lead) -> bool:
        """Waits for one that may not know yet that its lead is gone, or both would look, see nothing and say the same.

        False when this lead was lost meanwhile, or we are told to stop.
        """
        ages = self._fleet.read(lambda sql: beats.ages(sql, self._fleet.clock())) if lead.shared else {}
        if min(ages.values(), default=_JUST_NOW_SECS) >= _JUST_NOW_SECS:
            return True
        return not any(self._stop.wait(_TICK_SECS) or not lead.holds() for _ in range(_FINISH_SECS))

    def _work(self, lead: Lead) -> None:
        """Until told to stop, or until the lead is lost: then another worker goes on where this one stopped."""
        self._over.clear()
        self._held_at = time.monotonic() if lead.shared else math.inf
        if self._stop.is_set():
            return
        for due in (self._sweep_due, self._tidying_due):
            due.set()  # at start
        self._failing.clear()
        self._fleet.store.write(beats.forget_failures)
        receipt_key.ready(self._fleet)
        notices.begin(self._fleet)
        threads = [
            threading.Thread(target=self._loop, args=(name, turn), name=name)
            for name, turn in (
                ("inbox", self._inbox),
                ("outbox", self._outbox),
                ("notices", self._notices),
                ("dispatch", self._dispatch),
                ("workflows", self._workflows),
                ("hosts", self._hosts),
                ("timers", self._timers),
                ("sweep", self._sweep),
                ("housekeeping", self._tidy),
            )
        ]
        for thread in threads:
            thread.start()
        self._keep_time(lead)
        self._end_loops()
        for thread in threads:
            thread.join()
        self._dispatcher.stop()
        self._dispatcher, self._workflow_dispatcher = Dispatcher(self._fleet), WorkflowDispatcher(self._fleet)

    def stop(self) -> None:
        """Lets every loop finish what it is doing and end."""
        self._stop.set()
        self._end_loops()
        self._fleet.store.wakeups.close()

    def _end_loops(self) -> None:
        self._over.set()
        self._sweep_due.set()
        self._tidying_due.set()
        self._fleet.store.wakeups.signal(TOPICS)

    def _keep_time(self, lead: Lead) -> None:
        """`schedule` on this thread; a job of its own that fails would starve the others, so each only signals."""
        plan = schedule.Scheduler()
        plan.every(self._fleet.settings.orchestrator.sweep_interval_secs).seconds.do(self._sweep_due.set)
        plan.every(1).days.do(self._tidying_due.set)
        plan.every(30).seconds.do(self._looking_due.set)
        plan.every(1).hours.do(self._comparing_due.set)
        plan.every(10).minutes.do(self._limits_due.set)
        while not self._stop.wait(_TICK_SECS):
            if not lead.holds():
                log.warning("the lead is lost, another worker takes over")
                return
            self._held_at = max(self._held_at, time.monotonic())
            plan.run_pending()

    def _loop(self, name: str, turn: Callable[[], None]) -> None:
        structlog.contextvars.bind_contextvars(loop=name)  # of this thread: every line it logs says so
        while not self._over.is_set():
            try:
                self._turn(name, turn if name in _IN_PARTS else lambda: self._watched(name, turn))
                self._turn(name, lambda: self._beat(name))  # also when the forge did not answer
            except Exception:
                log.exception("a loop failed and goes on", loop=name)
                self._over.wait(5.0)

    def _turn(self, name: str, turn: Callable[[], None]) -> None:
        try:
            turn()
        except Unavailable as problem:
            log.warning("waiting for the world to answer again", loop=name, reason=str(problem))
            self._over.wait(min(problem.retry_after or 5.0, _PATIENCE_SECS))

    def _watched(self, part: str, work: Callable[[], object]) -> None:
        """What fails is told by `/readyz` and the doctor until it has gone well again."""
        try:
            work()
        except Unavailable:
            raise  # that is waited for, and told elsewhere
        except Exception:
            now = self._fleet.clock()
            self._failing.add(part)
            self._fleet.store.write(lambda sql: beats.fails(sql, part, now))
            raise
        if part in self._failing:
            self._fleet.store.write(lambda sql: beats.went_well(sql, part))
            self._failing.discard(part)

    def _beat(self, name: str) -> None:
        now = self._fleet.clock()
        if not 0 <= now - self._beaten.get(name, 0.0) < _BEAT_SECS:
            self._fleet.store.write(lambda sql: beats.beat(sql, name, now))
            self._beaten[name] = now

    def _go_on(self, name: str) -> bool:
        """Asked between the items of a batch: the loop shows that it lives, and ends when it is told to.

        It also ends when this process was paused for so long that another one may have taken the lead.
        """
        self._beat(name)
        if time.monotonic() - self._held_at >= _FINISH_SECS:
            self._over.wait(_TICK_SECS)  # until the lead has been asked about; its loop would ask again at once
            return False
        return not self._over.is_set()

    def _inbox(self) -> None:
        seen = self._fleet.store.wakeups.count(INBOX)
        if not intake.work_off(self._fleet, go_on=lambda: self._go_on("inbox")):
            self._sleep_until(INBOX, seen, self._fleet.read(inbox.next_due))

    def _outbox(self) -> None:
        seen = self._fleet.store.wakeups.count(OUTBOX)
        if not publish.work_off(self._fleet, go_on=lambda: self._go_on("outbox")):
            woken = self._sleep_until(OUTBOX, seen, self._fleet.read(outbox.next_due))
            if woken:
                self._over.wait(_GATHER_SECS)

    def _notices(self) -> None:
        seen = self._fleet.store.wakeups.count(NOTICES)
        if self._looking_due.is_set():
            self._looking_due.clear()
            notices.look(self._fleet)
        if not notices.work_off(self._fleet, go_on=lambda: self._go_on("notices")):
            self._sleep_until(NOTICES, seen, self._fleet.read(kept_notices.next_due))

    def _dispatch(self) -> None:
        seen = self._fleet.store.wakeups.count(WORK)
        if not self._dispatcher.turn():
            every = float(self._fleet.settings.orchestrator.dispatch_interval_secs)
            self._fleet.store.wakeups.wait(WORK, seen, min(_BEAT_SECS, every))

    def _workflows(self) -> None:
        seen = self._fleet.store.wakeups.count(WORK)
        if not self._workflow_dispatcher.turn():
            every = float(self._fleet.settings.actions.poll_secs)
            self._fleet.store.wakeups.wait(WORK, seen, min(_BEAT_SECS, every))

    def _hosts(self) -> None:
        self._dispatcher.look_after()
        self._over.wait(min(self._fleet.settings.orchestrator.heartbeat_interval_secs, _HOSTS_SECS))

    def _timers(self) -> None:
        clocks.tick(self._fleet)
        self._over.wait(_TICK_SECS)

    def _sweep(self) -> None:
        if self._sweep_due.wait(_BEAT_SECS) and not self._over.is_set():
            self._sweep_due.clear()
            self._watched("sweep", lambda: sweep.sweep(self._fleet))
        if self._comparing_due.is_set() and not self._over.is_set():
            self._comparing_due.clear()
            self._watched(
                "comparison with the forge",
                lambda: reconcile.compare(self._fleet, go_on=lambda: self._go_on("sweep")),
            )

    def _tidy(self) -> None:
        if self._tidying_due.wait(_BEAT_SECS) and not self._over.is_set():
            self._tidying_due.clear()
            self._watched("housekeeping", self._clear_up_and_tidy)
        if self._limits_due.is_set() and not self._over.is_set():
            self._limits_due.clear()
            self._watched(
                "look at the limits",
                lambda: retention.hold_limits(self._fleet, go_on=lambda: self._go_on("housekeeping")),
            )

    def _clear_up_and_tidy(self) -> None:
        self._dispatcher.clear_up()
        housekeeping.tidy(self._fleet, go_on=lambda: self._go_on("housekeeping"))

    def _sleep_until(self, topic: str, seen: int, due: float | None) -> bool:
        """True when woken before."""
        wait = _BEAT_SECS if due is None else min(_BEAT_SECS, max(0.0, due - self._fleet.clock()))
        return self._fleet.store.wakeups.wait(topic, seen, wait)


#: What `settle` works off.
_PARTS: Final = (intake.work_off, publish.work_off, notices.work_off)


def settle(fleet: Fleet, rounds: int = 100, dispatch: Callable[[], int] = lambda: 0) -> None:
    """Does everything that is due now, on this thread, until nothing is: for tests and one-shot commands."""
    for _ in range(rounds):
        clocks.tick(fleet)
        if not sum(_some_done(fleet, part) for part in _PARTS) + dispatch():
            return
    raise RuntimeError("the fleet does not come to rest")


def _some_done(fleet: Fleet, work_off: Callable[[Fleet], int]) -> bool:
    try:
        return bool(work_off(fleet))
    except Unavailable:
        return True  # one was put off, the next may fare better


def run(settings: Settings) -> None:
    """The worker process: runs until SIGTERM or SIGINT; a second signal ends it at once. Raises Refused."""
    with opened(settings) as fleet:
        fleet.store.watch_other_processes()
        worker = Worker(fleet)

        def stop(number: int, _frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)
            # on a thread of its own: a handler may have interrupted a holder of the very locks that stopping takes
            threading.Thread(target=worker.stop, name="stop").start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        worker.run()
