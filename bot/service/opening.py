"""From settings to a running fleet: the one place where store, forge and steps are put together."""

import contextlib
from collections.abc import Iterator

from bot import logs, tracing
from bot.core.facts import Account
from bot.forge import Api, Forge
from bot.service.fleet import Fleet
from bot.settings import Settings
from bot.store import counters, open_store


def open_fleet(settings: Settings) -> Fleet:
    """The fleet of these settings, without asking the forge anything; made after a fork, never before.

    Whoever opens it closes it (``close_fleet``). Raises Refused when the database's schema is not this program's.
    """
    logs.configure(settings.log.level, settings.log.format, settings.secrets())
    end_traces = tracing.configure(settings.log.traces_url)
    store = open_store(settings.orchestrator.database)
    f = settings.forgejo
    api = Api(f.url, f.token.get_secret_value(), timeout_secs=f.request_timeout_secs, ca_file=f.ca_file)
    api.on_failure = lambda kind: store.tally.add(counters.FORGE_ERRORS, kind)
    account = Account(f.bot_id, f.bot_login) if f.bot_id and f.bot_login else None
    return Fleet(settings, store, Forge(api, account), store.clock, end_traces=end_traces)


def close_fleet(fleet: Fleet) -> None:
    """Wakes everyone who waits, then lets go of database and forge."""
    fleet.store.close()
    fleet.asking.close()
    fleet.forge.close()
    fleet.end_traces()


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Fleet]:
    """The fleet while the block runs. Raises Refused as ``open_fleet`` does."""
    fleet = open_fleet(settings)
    try:
        yield fleet
    finally:
        close_fleet(fleet)
