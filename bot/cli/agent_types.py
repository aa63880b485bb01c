"""Whether we can start what the hosts of the configuration offer: settings alone know no adapters."""

from collections.abc import Iterator

from bot.adapters.registry import adapter
from bot.core import host_text as text
from bot.core.errors import Refused
from bot.dispatch.job import templates
from bot.settings import Loaded, Problem, SettingsError


def startable(loaded: Loaded) -> Loaded:
    """``loaded``, when every agent of every host can be started. Raises SettingsError with all that cannot."""
    if problems := tuple(_problems(loaded)):
        raise SettingsError(problems, loaded.files_read)
    return loaded


def _problems(loaded: Loaded) -> Iterator[Problem]:
    settings = loaded.settings
    named = templates(settings.adapters)
    used = set()
    for at, entry in enumerate(settings.hosts):
        for number, agent in enumerate(entry.agents):
            used.add(agent.agent_type)
            key, where = f"hosts[{at}].agents[{number}].agent_type", loaded.sources.get("hosts", "")
            try:
                kind = adapter(agent.agent_type, named)
            except Refused as refusal:
                yield Problem(key, text.no_such_type(agent.agent_type), refusal.fix, where)
                continue
            if agent.agent_type not in named and not kind.binary:
                reason = text.type_without_command(agent.agent_type)
                yield Problem(key, reason, text.add_its_command(agent.agent_type), where)
    for name in sorted(used & named.keys()):
        command = named[name].argv[0]
        if "/" in command and not command.startswith(("/", "{")):
            where = loaded.sources.get("adapters", "")
            yield Problem(f"adapters.{name}.command", text.relative_command(command), text.full_command(), where)
