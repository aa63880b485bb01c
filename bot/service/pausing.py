"""Starting nothing new: for a repository or the whole fleet, by command, by label, or because its policy is gone."""

import contextlib
from dataclasses import replace

from bot.commands.context import Stopped
from bot.core import events as e
from bot.core import matching, text
from bot.core.errors import Refused
from bot.core.facts import Account
from bot.service import display
from bot.service.fleet import Fleet, Step
from bot.service.record import record
from bot.store import Sql, forge_facts, pauses, tasks, timers
from bot.store.log import AlreadyHappened
from bot.store.pauses import WHOLE_FLEET, PauseRow
from bot.store.timers import Timer

OVER = "pause_over"


def scope_of(fleet: Fleet, full_name: str, repo_id: int) -> int:
    """What a command in this repository is about: the whole fleet from the control repository, else itself."""
    control = fleet.settings.forgejo.control_repo
    return WHOLE_FLEET if control and control.lower() == full_name.lower() else repo_id


def pause(step: Step, row: PauseRow) -> None:
    """From now on nothing is handed out there; what runs goes on."""
    said = row.reply if pauses.running(step.sql, row.repo_id, row.agent) else ""
    pauses.put(step.sql, replace(row, reply=said))
    key = _timer_key(row.repo_id, row.agent)
    if row.until:
        timers.arm(step.sql, Timer(key, OVER, row.until, "", 0))
    elif row.source == "command":
        timers.disarm(step.sql, key)
    display.refresh_queue(step)


def halt(step: Step, row: PauseRow, cause: str) -> int:
    """A pause, and the end of everything that runs there; returns how many tasks that were."""
    pause(step, row)
    stopped = 0
    for task in tasks.in_states(step.sql, ["assigned", "running"]):
        if row.repo_id in (WHOLE_FLEET, task.repo_id):
            with contextlib.suppress(AlreadyHappened):
                event = e.Cancelled("halt", row.person, row.reason)
                record(step, task, event, cause=f"{cause}:halt:{task.id}:{task.fence}", actor=f"person:{row.person}")
                stopped += 1
    return stopped


def resume(step: Step, repo_id: int, agent: str, source: str = "command") -> bool:
    """True when it was paused by that."""
    lifted = pauses.lift(step.sql, repo_id, agent, source)
    timers.disarm(step.sql, _timer_key(repo_id, agent))
    if lifted:
        display.refresh_queue(step)
    return lifted


def over(fleet: Fleet, timer: Timer) -> None:
    """A pause whose end has come is lifted."""

    def command(step: Step) -> None:
        timers.disarm(step.sql, timer.key)
        repo_id, _, agent = timer.key.removeprefix("pause:").partition(":")
        row = pauses.find(step.sql, int(repo_id), agent, "command")
        if row is not None and row.until and row.until <= step.now:
            resume(step, row.repo_id, row.agent)

    fleet.step(command)


def order_pause(fleet: Fleet, *, repo_name: str, agent: str, by: str, reason: str, secs: int) -> None:
    """An operator pauses a repository, or with "" the whole fleet; ``secs`` 0 = no end. Raises Refused (404)."""

    def command(step: Step) -> None:
        row = _ordered(step, repo_name, by, reason)
        until = step.now + secs if secs else 0.0
        pause(step, replace(row, agent=matching.full_name(agent), until=until))

    fleet.step(command)


def order_halt(fleet: Fleet, *, repo_name: str, by: str, reason: str) -> int:
    """An operator stops everything there; returns how many tasks were running. Raises Refused (404)."""
    return fleet.step(lambda step: halt(step, _ordered(step, repo_name, by, reason), "api"))


def order_resume(fleet: Fleet, *, repo_name: str, agent: str) -> bool:
    """An operator ends it; True when it was paused by order. Raises Refused (404)."""
    return fleet.step(lambda step: resume(step, _named(step, repo_name), matching.full_name(agent)))


def _ordered(step: Step, repo_name: str, by: str, reason: str) -> PauseRow:
    return PauseRow(_named(step, repo_name), "", "command", by, reason, "", step.now, 0.0, "")


def _named(step: Step, repo_name: str) -> int:
    repo = forge_facts.repo_named(step.sql, repo_name) if repo_name else None
    if repo_name and repo is None:
        raise Refused(text.no_such_repository(repo_name), text.add_the_bot(), 404, "no_such_repository")
    return repo.id if repo else WHOLE_FLEET


def label(step: Step, repo_id: int, number: int, by: Account, url: str, wanted: bool) -> None:
    """The label `fleet/halt` on an issue of the control repository: a switch that needs no command."""
    source = label_source(repo_id, number)
    there = pauses.find(step.sql, WHOLE_FLEET, "", source)
    if wanted and there is None:
        row = PauseRow(WHOLE_FLEET, "", source, by.login, "fleet/halt", url, step.now, 0.0, "")
        halt(step, row, f"{source}@{step.now}")
    elif not wanted and there is not None:
        resume(step, WHOLE_FLEET, "", source)


def label_source(repo_id: int, number: int) -> str:
    """What a pause by the label on this issue is filed under."""
    return f"label:{repo_id}#{number}"


def stops(sql: Sql, repo_id: int, now: float) -> list[Stopped]:
    """The pauses that keep tasks of this repository from starting."""
    return [
        Stopped(x.person, x.at, x.reason, x.url, x.agent, x.until, x.repo_id == WHOLE_FLEET, x.source)
        for x in pauses.in_force(sql, now)
        if x.repo_id in (WHOLE_FLEET, repo_id)
    ]


def closed_to(sql: Sql, agent_id: str, agent_type: str, now: float) -> frozenset[int] | None:
    """The repositories that hand out nothing to this agent; None = it gets nothing at all."""
    names = {"", agent_id, agent_type}
    found = frozenset(x.repo_id for x in pauses.in_force(sql, now) if x.agent in names)
    return None if WHOLE_FLEET in found else found


def is_control(fleet: Fleet, sql: Sql, repo_id: int) -> bool:
    known = forge_facts.repo(sql, repo_id)
    return known is not None and scope_of(fleet, known.full_name, repo_id) == WHOLE_FLEET


def _timer_key(repo_id: int, agent: str) -> str:
    return f"pause:{repo_id}:{agent}"
