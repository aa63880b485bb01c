"""What `agent-fleet setup` says: the difference, the test of the webhook, and what is left for a person."""

from collections.abc import Sequence
from typing import Final

#: Why a webhook is replaced or deleted, by the name of the reason.
WHY: Final = {
    "inactive": "it is switched off",
    "events": "it does not send every event that is needed",
    "form": "it does not send JSON",
    "filtered": "it only sends some branches",
    "double": "another one sends the same",
    "renewed": "a new one takes its place",
}


def not_a_repository(given: str) -> str:
    return f"{given!r} does not name a repository."


def name_it_so() -> str:
    return "Name it as owner/name, such as ann/shop."


def label_line(name: str, *, mended: bool) -> str:
    return f"label {name}: made exclusive, as one state follows another" if mended else f"label {name}"


def hook_line(url: str, hook_id: int, wrong: str) -> str:
    why = WHY.get(wrong, "")
    return f"webhook {url}" + (f" (number {hook_id})" if hook_id else "") + (f": {why}" if why else "")


def nothing_to_set_up(name: str) -> str:
    return f"{name} is as it should be: nothing to do."


def would_set_up(name: str) -> str:
    return f"Nothing was changed in {name}: this was a dry run."


def was_set_up(name: str) -> str:
    return f"{name} is set up."


def test_arrived() -> str:
    return "A test delivery from the forge has arrived."


def test_impossible(name: str) -> str:
    return f"{name} is empty, so the forge has nothing to test the webhook with; run setup again after the first push."


def test_missing(url: str, allow: str) -> list[str]:
    """What to look at when the forge's test delivery did not come, most likely first."""
    lines = [
        "The forge was asked for a test delivery, but none has arrived here. In this order:",
        f"  1. Is the server running, with this same database, and does {url} lead to it, seen from the forge?",
    ]
    if allow:
        lines.append(
            "  2. Forgejo calls only hosts that [webhook] ALLOWED_HOST_LIST in its app.ini allows, by default public "
            f"ones. Set ALLOWED_HOST_LIST = external, {allow} and restart Forgejo."
        )
    else:
        lines.append("  2. Does [webhook] ALLOWED_HOST_LIST in Forgejo's app.ini allow this host (external does)?")
    lines += [
        "  3. Has webhook_secret changed since the webhook was made? Run setup again with --new-hook.",
        "  The webhook's page in the repository's settings shows what Forgejo saw.",
    ]
    return lines


def hook_by_hand(repository_url: str, url: str, events: Sequence[str]) -> list[str]:
    """The webhook as a person makes it."""
    return [
        "The bot is not an administrator of this repository, so it can neither see nor make the webhook. Either give",
        "its account the right, with a token for all repositories, and run setup again; or make it by hand:",
        f"  Page:          {repository_url}/settings/hooks/forgejo/new",
        f"  Target URL:    {url}",
        "  HTTP method:   POST",
        "  Content type:  application/json",
        "  Secret:        the value of webhook_secret under [forgejo] (AGENT_FLEET_FORGEJO__WEBHOOK_SECRET)",
        "  Branch filter: empty, or *",
        "  Active:        yes",
        f"  Events:        custom, all of: {', '.join(events)} (with everything under issues and pull requests)",
    ]


def may_not_label(name: str) -> str:
    return f"The bot may not make labels in {name}."


def give_write() -> str:
    return "Make its account a collaborator with write access (better: administrator), with a token for write:issue."


def let_go(name: str) -> str:
    return f"The fleet has let go of {name}; its labels are left for you."


def was_not_set_up(name: str) -> str:
    return f"{name} was not set up: nothing to do."


def unhook_by_hand(repository_url: str, url: str) -> str:
    return f"The bot does not see the webhooks here: delete the one to {url} at {repository_url}/settings/hooks"


# --- organisations ---------------------------------------------------------------------------------------------


def repository_or_org() -> str:
    return "Name either one repository (owner/name) or an organisation (--org NAME)."


def bad_org(given: str) -> str:
    return f"{given!r} is no name of an organisation."


def no_such_org(org: str) -> str:
    return f"There is no organisation {org} on the forge, or the bot cannot see it."


def name_an_org() -> str:
    return "Check the name; for a person's repositories use setup OWNER/REPO."


def not_an_owner(org: str) -> str:
    return f"The bot may not change {org}: its account is no owner of it, or its token lacks write:organization."


def make_it_an_owner(org: str) -> str:
    return (
        f"Add its account to the owners of {org} and give its token write:organization; or set up single repositories."
    )


def double_line(repository: str, url: str, hook_id: int) -> str:
    return f"webhook {url} (number {hook_id}) of {repository}: the organisation's sends the same"


def org_repositories(names: Sequence[str]) -> str:
    if not names:
        return "The bot may write to none of its repositories yet; those it may later are served from then on."
    return f"Serves {len(names)} of its repositories: {', '.join(names)}."


def org_untested() -> str:
    return "The forge offers no test of an organisation's webhook; the next push or comment shows that it works."


def served_by_org(org: str) -> str:
    return f"webhook: that of the organisation {org} serves it"


def org_look(org: str) -> str:
    return f"The bot cannot look at the organisation {org}."


def org_labels_good(count: int) -> str:
    return f"The organisation's labels are there ({count})."


def org_labels_wrong(names: Sequence[str]) -> str:
    return f"Labels of the organisation are missing or not exclusive: {', '.join(names)}."


def org_hook_good() -> str:
    return "The organisation's webhook is active and sends every event."


def org_hook_wrong(why: str) -> str:
    return f"The organisation's webhook is not as it should be{': ' + why if why else ''}."


def org_hook_missing() -> str:
    return "The organisation has no webhook to this service."


def let_the_bot_see(name: str, url: str) -> str:
    return f"Is {url}/{name} right? If so, add the bot there as a collaborator with the right 'administrator'."
