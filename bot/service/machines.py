"""What operators do to agents, hosts and tokens; who did it is written in the same transaction."""

from collections.abc import Sequence

from bot.core import machines_text as text
from bot.core import modes
from bot.core.errors import Refused
from bot.service import display
from bot.service.claims import registered
from bot.service.fleet import Fleet, Step
from bot.store import agents, audit, host_checks, hosts, tokens
from bot.store.agents import Agent
from bot.store.wakeups import WORK


def drain(fleet: Fleet, agent_id: str, by: str) -> None:
    """It finishes what it runs and takes nothing new. Raises Refused (404) for an unknown agent."""
    fleet.step(lambda step: _drain(step, registered(step.sql, agent_id), by))


def undrain(fleet: Fleet, agent_id: str, by: str) -> None:
    """It takes work again, as soon as it is there. Raises Refused (404)."""
    fleet.step(lambda step: _undrain(step, registered(step.sql, agent_id), by))


def drain_host(fleet: Fleet, host: str, by: str) -> None:
    """Every agent of the host. Raises Refused (404) for a host that the configuration does not name."""

    def command(step: Step) -> None:
        for agent in _agents_of(step, host):
            _drain(step, agent, by)

    fleet.step(command)


def undrain_host(fleet: Fleet, host: str, by: str) -> None:
    """Every agent of the host takes work again. Raises Refused (404)."""

    def command(step: Step) -> None:
        for agent in _agents_of(step, host):
            _undrain(step, agent, by)

    fleet.step(command)


def want_checked(fleet: Fleet, host: str, by: str) -> None:
    """The worker looks at the host at once; when it finds nothing wrong, the host takes work again. Raises Refused."""
    if host not in {entry.host_id for entry in fleet.settings.machines}:
        raise Refused(text.no_such_host(), text.see_hosts(), 404, "no_such_host")

    def command(step: Step) -> None:
        host_checks.ask(step.sql, host, by, step.now)
        audit.note(step.sql, step.now, by, text.CHECK_WANTED, host)

    fleet.step(command)


def make_token(
    fleet: Fleet, *, role: str, name: str, agent: str, repos: Sequence[str], days: int | None, by: str
) -> str:
    """The new token, which cannot be read again."""

    def command(step: Step) -> str:
        expires = step.now + days * 86_400 if days else 0.0
        secret = tokens.create(
            step.sql, name=name or agent or role, role=role, at=step.now, agent=agent, repos=repos, expires_at=expires
        )
        what = text.token_for(role, name or agent or role, agent)
        audit.note(step.sql, step.now, by, text.TOKEN_MADE, secret[: tokens.PREFIX_CHARS], what)
        return secret

    return fleet.step(command)


def revoke_token(fleet: Fleet, prefix: str, by: str) -> None:
    """From this moment on it is worthless. Raises Refused (404)."""

    def command(step: Step) -> None:
        if not tokens.revoke(step.sql, prefix, step.now):
            raise Refused(text.no_such_token(), "", 404, "no_such_token")
        audit.note(step.sql, step.now, by, text.TOKEN_REVOKED, prefix)

    fleet.step(command)


def _drain(step: Step, agent: Agent, by: str) -> None:
    if agent.status in (agents.DRAINING, agents.GONE):
        return
    agents.set_status(step.sql, agent.id, agents.DRAINING)
    audit.note(step.sql, step.now, by, text.DRAINED, agent.id)
    display.refresh_queue(step)


def _undrain(step: Step, agent: Agent, by: str) -> None:
    if agent.status != agents.DRAINING:
        return
    agents.set_status(step.sql, agent.id, agents.ONLINE if _is_there(step, agent) else agents.OFFLINE)
    audit.note(step.sql, step.now, by, text.TAKES_WORK, agent.id)
    display.refresh_queue(step)
    step.sql.wake(WORK)


def _is_there(step: Step, agent: Agent) -> bool:
    if agent.mode == modes.SSH_CLI:
        return any(host.host == agent.host and host.state == hosts.UP for host in hosts.listed(step.sql))
    return step.now - agent.last_seen < step.fleet.lease_secs


def _agents_of(step: Step, host: str) -> list[Agent]:
    if host not in {entry.host_id for entry in step.fleet.settings.hosts}:
        raise Refused(text.no_such_host(), text.see_hosts(), 404, "no_such_host")
    ours = (modes.SSH_CLI, modes.ACTIONS)
    return [agent for agent in agents.listed(step.sql) if agent.host == host and agent.mode in ours]
