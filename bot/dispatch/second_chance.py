"""A host is looked at because an operator says so; when nothing is wrong with it, it takes work again at once."""

import structlog

from bot.core import machines_text as text
from bot.core.errors import Refused, Unavailable
from bot.dispatch.site import HostSite
from bot.doctor.host_needs import wanted_by
from bot.execution import host_check
from bot.service import host_agents
from bot.service.fleet import Fleet
from bot.store import host_checks, hosts

log = structlog.get_logger(__name__)


def check(fleet: Fleet, site: HostSite) -> None:
    """Looks at the same things as `agent-fleet hosts check`, and writes down what was found."""
    wanted, aside = wanted_by(site.entry, fleet.settings), site.standing.state == hosts.QUARANTINED
    try:
        problems = site.ask(lambda host: host_check.probe(host, wanted)).problems()
    except (Unavailable, Refused) as problem:
        problems = [str(problem)]
    said = " ".join(problems) or text.nothing_wrong()
    if not problems:
        site.found_good()
    elif aside and site.standing.state != hosts.QUARANTINED:  # that it answered is not enough
        site.found_wrong(said)
    log.info("host checked", host=site.name, good=not problems, found=said)
    now = fleet.clock()
    fleet.store.write(lambda sql: host_checks.done(sql, site.name, good=not problems, said=said, at=now))
    host_agents.stands(fleet, site.name, site.standing.state, site.standing.why)
