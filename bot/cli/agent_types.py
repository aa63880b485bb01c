"""Whether what the settings name can be used: they alone know neither adapters nor PostgreSQL."""

from collections.abc import Iterator

from bot.adapters.registry import adapter
from bot.core import database_text
from bot.core import host_text as text
from bot.core.errors import Refused
from bot.dispatch.job import templates
from bot.settings import Loaded, Problem, SettingsError
from bot.store.engines import complaint


def startable(loaded: Loaded) -> Loaded:
    """``loaded``, when every agent of every host can be started, and the database's URL can be read.

    Raises SettingsError with all that cannot.
    """
    if problems := (*_database(loaded), *_problems(loaded)):
        raise SettingsError(problems, loaded.files_read)
    return loaded


def _database(loaded: Loaded) -> Iterator[Problem]:
    if why := complaint(loaded.settings.orchestrator.database):
        key = "orchestrator.database_url"
        yield Problem(key, database_text.bad_url_setting(why), database_text.mend_url(), loaded.sources.get(key, ""))


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
