"""What the agents of a host need there: commands, log-ins, key files."""

from dataclasses import dataclass

from bot.adapters.registry import adapters
from bot.core import host_text as text
from bot.execution import host_check
from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.sections import Settings


@dataclass(frozen=True)
class LogIn:
    """Whether an agent's CLI is logged in on its host: ``found`` is the file or variable, "" = none."""

    agent_type: str
    found: str
    said: str


def can_log_in(agent: HostAgent, settings: Settings) -> bool:
    """Whether we know where its CLI looks for a log-in; of a command of the operator's own we do not."""
    kind = adapters().get(agent.agent_type)
    return agent.agent_type not in settings.adapters and kind is not None and bool(kind.credentials or kind.inherits)


def log_in(agent: HostAgent, probe: host_check.Probe) -> LogIn:
    """By a file of the user's, or by a variable that the configuration hands on."""
    kind, name = adapters()[agent.agent_type], agent.agent_type
    keys = [key for key, path in agent.env_files.items() if probe.key_files.get(path) in ("ok", "open")]
    for variable in (*keys, *(key for key in agent.env if key in probe.set_variables)):
        if variable in kind.inherits:
            return LogIn(name, variable, text.logged_in_by_variable(name, variable))
    for path in kind.credentials:
        if path in probe.there:
            return LogIn(name, f"~/{path}", text.logged_in_by_file(name, path))
    return LogIn(name, "", text.no_log_in(name, kind.credentials, kind.inherits))


def key_file_troubles(entry: HostEntry, probe: host_check.Probe) -> list[tuple[str, str, str]]:
    """Variable, file and what is wrong with it."""
    found = {(name, path) for agent in entry.agents for name, path in agent.env_files.items()}
    states = [(name, path, probe.key_files.get(path, "missing")) for name, path in sorted(found)]
    return [one for one in states if one[2] != "ok"]


def wanted_by(entry: HostEntry, settings: Settings) -> host_check.Wanted:
    """What the agents of a host need there."""
    kinds = [adapters()[agent.agent_type] for agent in entry.agents if can_log_in(agent, settings)]
    ours, own = commands_of(entry, settings)
    return host_check.Wanted(
        ours,
        files=[path for kind in kinds for path in kind.credentials],
        variables=[name for agent in entry.agents for name in agent.env],
        key_files=[path for agent in entry.agents for path in agent.env_files.values()],
        own_commands=own,
    )


def commands_of(entry: HostEntry, settings: Settings) -> tuple[list[str], list[str]]:
    """The commands that the agents of a host need there: of agent CLIs, and of the operator's own."""
    ours: list[str] = []
    own: list[str] = []
    for agent in entry.agents:
        if agent.agent_type in settings.adapters:
            command = settings.adapters[agent.agent_type].argv[0]
            own += [command] if "{" not in command else []  # places are filled in for each run only
        else:
            ours.append(adapters()[agent.agent_type].binary)
    return list(dict.fromkeys(ours)), list(dict.fromkeys(own))
