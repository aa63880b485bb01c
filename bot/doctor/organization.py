"""An organisation that `setup --org` has prepared: its labels and its one webhook."""

from collections.abc import Iterator

from bot.core import setup_text as text
from bot.core.errors import Refused
from bot.doctor.finding import Finding, fail, ok
from bot.service.fleet import Fleet
from bot.service.setup import Mark
from bot.service.setup_organization import look


def organization(fleet: Fleet, org: str) -> Iterator[Finding]:
    """Raises Unavailable when the forge stops answering."""
    command = f"agent-fleet setup --org {org}"
    try:
        found = look(fleet, org)
    except Refused as refused:
        yield fail("organization", f"{text.org_look(org)} {refused.reason}", refused.fix, subject=org)
        return
    if wrong := [x.label.name for x in found.labels if x.mark is not Mark.KEEP]:
        yield fail("organization.labels", text.org_labels_wrong(wrong), command=command, subject=org)
    else:
        yield ok("organization.labels", text.org_labels_good(len(found.labels)), org)
    hooks = found.hooks or ()
    if others := [x for x in hooks if x.mark is Mark.DELETE]:
        why = text.WHY.get(others[0].wrong.value, "") if others[0].wrong else ""
        yield fail("organization.hook", text.org_hook_wrong(why), command=command, subject=org)
    elif any(x.mark is Mark.MAKE for x in hooks):
        yield fail("organization.hook", text.org_hook_missing(), command=command, subject=org)
    else:
        yield ok("organization.hook", text.org_hook_good(), org)
