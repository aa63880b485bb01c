"""Everything in its order: what later lines need is looked at first, and what cannot be looked at is said."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.core import doctor_text as text
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Account
from bot.doctor import extras, forge, hosts, machine, organization, repository
from bot.doctor.finding import Finding, State, fail, warn
from bot.forge import Api, Forge
from bot.service.fleet import Fleet
from bot.settings import Loaded, Settings
from bot.store import forge_facts, open_store, organizations
from bot.store.engines import Where

#: How long a test delivery may take.
DELIVERY_SECS: Final = 10.0


def examine(
    loaded: Loaded,
    *,
    clock: Callable[[], float] = time.time,
    free: Callable[[Path], int] = machine.free_bytes,
    delivery_secs: float = DELIVERY_SECS,
) -> Iterator[Finding]:
    """Findings as they are made. Changes nothing but the one test delivery per repository that the forge sends us."""
    settings = loaded.settings
    yield from machine.config_files(loaded.files_read)
    yield from extras.extras(settings)
    yield machine.disk(settings, free)
    where = settings.orchestrator.database
    usable = True
    for found in machine.database(where):
        usable = usable and found.state is not State.FAIL
        yield found
    yield machine.server(settings)
    if usable:
        yield from _with_the_forge(settings, where, clock, delivery_secs)
    else:
        yield warn("forge", text.skipped(text.because_of("database")), text.mend_first("database"))
    for entry in settings.hosts:
        yield from hosts.host(entry, settings)


def _with_the_forge(settings: Settings, where: Where, clock: Callable[[], float], secs: float) -> Iterator[Finding]:
    f = settings.forgejo
    try:
        api = Api(f.url, f.token.get_secret_value(), timeout_secs=f.request_timeout_secs, ca_file=f.ca_file)
    except Refused as unusable:
        yield fail("forge", unusable.reason, unusable.fix)
        return
    account = Account(f.bot_id, f.bot_login) if f.bot_id and f.bot_login else None
    with closing(open_store(where)) as store, closing(Forge(api, account)) as the_forge:
        store.watch_other_processes()  # a test delivery is stored by the web process
        yield from _running(Fleet(settings, store, the_forge, clock), secs)


def _running(fleet: Fleet, delivery_secs: float) -> Iterator[Finding]:
    yield from machine.guarded(fleet.store)
    yield machine.worker(fleet.store, fleet.clock())
    yield from machine.failing(fleet.store, fleet.clock())
    yield machine.kept(fleet.settings, fleet.store)
    yield from machine.queues(fleet.store)
    yield from machine.notifications(fleet.settings, fleet.store)
    for look in (forge.reached, forge.token):
        broken = False
        for found in look(fleet):
            broken = broken or (found.state is State.FAIL and found.check in ("forge", "forge.token"))
            yield found
        if broken:
            return
    watched = fleet.read(forge_facts.watched)
    try:
        for org in fleet.read(organizations.listed):
            yield from organization.organization(fleet, org)
    except Unavailable as problem:
        yield fail("forge", str(problem), text.check_forge(fleet.settings.forgejo.url.rstrip("/")))
        return
    if not watched:
        yield warn("repository", text.no_repository(), text.set_one_up())
    try:
        for known in watched:
            yield from repository.repository(fleet, known, wait_secs=delivery_secs)
    except Unavailable as problem:
        yield fail("forge", str(problem), text.check_forge(fleet.settings.forgejo.url.rstrip("/")))
