"""The agents of configured hosts, as the fleet sees them: there from the start, on duty while their host answers."""

import structlog

from bot.core import modes
from bot.service import display
from bot.service.fleet import Fleet, Step
from bot.store import agents, hosts
from bot.store.agents import Agent
from bot.store.wakeups import WORK

log = structlog.get_logger(__name__)


def register(fleet: Fleet) -> None:
    """Writes the agents of the configuration; those it does not name any more have left.

    Those of machines begin offline; those that are jobs of Actions are there when their dispatcher comes round.
    """

    def command(step: Step) -> None:
        wanted = {}
        for entry in fleet.settings.hosts:
            for one in entry.agents:
                before = agents.find(step.sql, entry.agent_id(one))
                draining = before is not None and before.status == agents.DRAINING
                wanted[entry.agent_id(one)] = Agent(
                    id=entry.agent_id(one),
                    agent_type=one.agent_type,
                    capabilities=tuple(sorted(set(one.capabilities))),
                    max_concurrency=one.max_concurrency,
                    host=entry.host_id,
                    mode=entry.mode,
                    status=agents.DRAINING if draining else agents.OFFLINE,
                    registered_at=step.now,
                    last_seen=step.now,
                    version="",
                    meta={},
                    lost_tasks=(),
                )
        for agent in wanted.values():
            agents.register(step.sql, agent)
        for known in agents.listed(step.sql):
            if known.mode in (modes.SSH_CLI, modes.ACTIONS) and known.id not in wanted and known.status != agents.GONE:
                agents.set_status(step.sql, known.id, agents.GONE)
        hosts.forget_others(step.sql, [entry.host_id for entry in fleet.settings.machines])
        display.refresh_queue(step)

    fleet.step(command)


def stands(fleet: Fleet, host: str, state: str, why: str) -> None:
    """A host was asked: remembers how it stands; its agents are online while it is up."""

    def command(step: Step) -> None:
        hosts.put(step.sql, host, state, why, step.now)
        changed = False
        for agent in agents.listed(step.sql):
            if agent.mode != modes.SSH_CLI or agent.host != host or agent.status == agents.GONE:
                continue
            if state == hosts.UP:
                agents.seen(step.sql, agent.id, step.now)
                changed |= agent.status == agents.OFFLINE
            elif agent.status == agents.ONLINE:
                agents.set_status(step.sql, agent.id, agents.OFFLINE)
                changed = True
        if changed:
            log.info("host stands", host=host, state=state, reason=why)
            display.refresh_queue(step)
            step.sql.wake(WORK)

    fleet.step(command)
