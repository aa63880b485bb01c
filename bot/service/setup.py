"""Preparing a repository: what is there, what is wanted, the difference, and whether webhooks get through."""

import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from bot.core.errors import Refused
from bot.core.facts import Hook, Repository
from bot.core.matching import ANY, PREFIX, PRIORITIES
from bot.core.setup_text import give_write, may_not_label
from bot.forge import Missing, RepoRef
from bot.forge.repos import HOOK_EVENTS, Label
from bot.service.fleet import Fleet
from bot.service.issues import HALT, HOLD
from bot.service.labels import INPUT_COLOR, SHOWN, WantedLabel
from bot.settings import Settings
from bot.store import agents, forge_facts, inbox, organizations
from bot.store.agents import Agent
from bot.store.wakeups import INBOX
from bot.webhooks import decode
from bot.webhooks.fields import number, table

HOOK_PATH: Final = "/api/v1/webhooks/forgejo"

#: The precise event types that HOOK_EVENTS stand for when a hook is made (Forgejo 15, recorded).
_PRECISE: Final = {
    "issues": ("issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment"),
    "pull_request": (
        "pull_request",
        "pull_request_assign",
        "pull_request_label",
        "pull_request_milestone",
        "pull_request_comment",
        "pull_request_review_approved",
        "pull_request_review_rejected",
        "pull_request_review_comment",
        "pull_request_sync",
        "pull_request_review_request",
    ),
}
WANTED_EVENTS: Final = frozenset(kind for name in HOOK_EVENTS for kind in _PRECISE.get(name, (name,)))


class Mark(StrEnum):
    """How a line of the difference begins: made, as it should be, mended, taken away."""

    MAKE = "+"
    KEEP = "="
    MEND = "~"
    DELETE = "-"


class Wrong(StrEnum):
    """Why a hook of ours is not left as it is."""

    INACTIVE = "inactive"
    EVENTS = "events"
    FORM = "form"
    FILTERED = "filtered"
    DOUBLE = "double"
    RENEWED = "renewed"


class Trial(StrEnum):
    """What became of the test delivery."""

    ARRIVED = "arrived"
    MISSING = "missing"
    EMPTY = "empty"
    NONE = "none"


@dataclass(frozen=True)
class LabelChange:
    """``id`` is the forge's, 0 for one that is to be made."""

    mark: Mark
    label: WantedLabel
    id: int = 0


@dataclass(frozen=True)
class HookChange:
    """``id`` 0 for one that is to be made; ``wrong`` says why one is replaced or deleted."""

    mark: Mark
    id: int = 0
    wrong: Wrong | None = None


@dataclass(frozen=True)
class Plan:
    """``hooks`` None: the forge does not show them to the bot, a person has to make it."""

    labels: tuple[LabelChange, ...]
    hooks: tuple[HookChange, ...] | None

    @property
    def nothing_to_do(self) -> bool:
        marks = {x.mark for x in self.labels} | {x.mark for x in self.hooks or ()}
        return self.hooks is not None and marks <= {Mark.KEEP}


@dataclass(frozen=True)
class Done:
    """What `setup` found, changed (or would change) and saw."""

    repository: Repository
    url: str
    plan: Plan
    trial: Trial


def wanted_labels(
    settings: Settings, registered: Sequence[Agent] = (), *, control: bool = False
) -> tuple[WantedLabel, ...]:
    """The bot's own labels, and those people use: what configured hosts and registered agents offer, priorities,
    `fleet/hold`, and in the control repository `fleet/halt`."""
    offered = {ANY}
    for known in registered:
        offered |= {known.agent_type, *(c.removeprefix(PREFIX) for c in known.capabilities)}
    for host in settings.hosts:
        for agent in host.agents:
            offered |= {agent.agent_type, *(c.removeprefix(PREFIX) for c in agent.capabilities)}
    asked = [_input(f"{PREFIX}{x}", f"Needs an agent that offers {x}") for x in sorted(offered - {ANY})]
    ranks = [_input(f"priority:{x}", f"{x.capitalize()} priority in the agents' queue") for x in PRIORITIES]
    anyone = _input(f"{PREFIX}{ANY}", "Any agent may work on it")
    holding = _input(HOLD, "Kept out of the agents' queue")
    halting = [_input(HALT, "Stops the whole fleet while it is here")] if control else []
    return (*SHOWN, anyone, *asked, *ranks, holding, *halting)


def plan(
    labels: Sequence[Label],
    hooks: Sequence[Hook] | None,
    wanted: Sequence[WantedLabel],
    url: str,
    *,
    new_hook: bool = False,
) -> Plan:
    """The difference between what is there and what is wanted.

    Colours and descriptions of labels that exist are people's. Hooks with another address are not ours. A hook that
    is not as it should be is replaced, never edited: editing resets what is left out and cannot change the secret.
    """
    changes = [change for one in wanted for change in _label_changes(one, [x for x in labels if x.name == one.name])]
    ours = None if hooks is None else [x for x in hooks if x.url == url]
    return Plan(tuple(changes), None if ours is None else tuple(_hook_changes(ours, new_hook)))


def set_up(
    fleet: Fleet, full_name: str, *, dry_run: bool = False, new_hook: bool = False, wait_secs: float = 10.0
) -> Done:
    """Makes the repository as wanted, watches it from now on, and lets the forge send a test delivery.

    Raises Missing for a repository that the bot cannot see, another Refused when it may not write labels.
    """
    repository = fleet.forge.repos.named(full_name)
    ref = RepoRef(repository.id, repository.full_name)
    url = fleet.settings.server.url.rstrip("/") + HOOK_PATH
    control = fleet.settings.forgejo.control_repo
    wanted = wanted_labels(fleet.settings, fleet.read(agents.listed), control=control.lower() == ref.full_name.lower())
    found = within_org(fleet, ref, plan(labels_of(fleet, ref), hooks_of(fleet, ref), wanted, url, new_hook=new_hook))
    if dry_run:
        return Done(repository, url, found, Trial.NONE)
    try:
        change_labels(
            found.labels,
            lambda x: fleet.forge.repos.make_label(ref, x.name, x.color, x.description, exclusive=x.exclusive),
            lambda label_id: fleet.forge.repos.edit_label(ref, label_id, exclusive=True),
        )
    except Refused as refusal:
        if refusal.status != 403:
            raise
        raise Refused(may_not_label(ref.full_name), give_write(), 403, "may_not_label") from refusal
    hook_id = change_hooks(
        found.hooks,
        lambda: fleet.forge.repos.make_hook(ref, url, fleet.settings.forgejo.webhook_secret.get_secret_value()).id,
        lambda old: fleet.forge.repos.delete_hook(ref, old),
    )
    fleet.remember(repository, watch=True)
    trial = try_hook(fleet, ref, hook_id, wait_secs) if hook_id else Trial.NONE
    return Done(repository, url, found, trial)


@dataclass(frozen=True)
class LetGo:
    """``hooks`` are the numbers of ours that were (or would be) deleted, None where the forge does not show them."""

    repository: Repository
    url: str
    hooks: tuple[int, ...] | None
    was_watched: bool


def let_go(fleet: Fleet, full_name: str, *, dry_run: bool = False) -> LetGo:
    """Takes our webhooks away, known by their address, and stops watching. Raises Missing."""
    repository = fleet.forge.repos.named(full_name)
    ref = RepoRef(repository.id, repository.full_name)
    url = fleet.settings.server.url.rstrip("/") + HOOK_PATH
    hooks = hooks_of(fleet, ref)
    ours = None if hooks is None else tuple(hook.id for hook in hooks if hook.url == url)
    watched = any(known.id == repository.id for known in fleet.read(forge_facts.watched))
    if not dry_run:
        for hook_id in ours or ():
            fleet.forge.repos.delete_hook(ref, hook_id)
        if watched:
            fleet.remember(repository, watch=False)
    return LetGo(repository, url, ours, watched)


def host_to_allow(url: str) -> str:
    """The word for Forgejo's ``[webhook] ALLOWED_HOST_LIST`` that lets it call ``url``; "" when `external` does.

    The forge looks at the name and at what it resolves to, so a name is allowed by itself.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return "loopback"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return host
    return "private" if address.is_private else ""


def _input(name: str, description: str) -> WantedLabel:
    return WantedLabel(name, INPUT_COLOR, description, exclusive=False)


def _label_changes(wanted: WantedLabel, there: Sequence[Label]) -> list[LabelChange]:
    """One per label of that name (names need not be unique on a forge); only a missing `exclusive` is mended."""
    if not there:
        return [LabelChange(Mark.MAKE, wanted)]
    return [
        LabelChange(Mark.MEND if wanted.exclusive and not label.exclusive else Mark.KEEP, wanted, label.id)
        for label in there
    ]


def _hook_changes(ours: Sequence[Hook], new_hook: bool) -> list[HookChange]:
    """One good hook is kept; everything else at our address goes, after a good one has been made."""
    good = [] if new_hook else [hook for hook in ours if _wrong(hook) is None]
    kept = HookChange(Mark.KEEP, good[0].id) if good else HookChange(Mark.MAKE)
    otherwise = Wrong.DOUBLE if good else Wrong.RENEWED
    others = [hook for hook in ours if hook.id != kept.id]
    return [kept, *(HookChange(Mark.DELETE, hook.id, _wrong(hook) or otherwise) for hook in others)]


def _wrong(hook: Hook) -> Wrong | None:
    if not hook.active:
        return Wrong.INACTIVE
    if not hook.events >= WANTED_EVENTS:
        return Wrong.EVENTS
    if hook.content_type != "json":
        return Wrong.FORM
    return Wrong.FILTERED if hook.branch_filter not in ("", "*") else None


def labels_of(fleet: Fleet, ref: RepoRef) -> list[Label]:
    """Those that its issues can have: its own, and its organisation's when that is set up."""
    own = fleet.forge.repos.labels(ref)
    if not fleet.read(lambda sql: organizations.serves(sql, ref.full_name)):
        return own
    names = {label.name for label in own}
    shared = fleet.forge.organizations.labels(ref.full_name.partition("/")[0])
    return own + [label for label in shared if label.name not in names]


def within_org(fleet: Fleet, ref: RepoRef, found: Plan) -> Plan:
    """Where an organisation's webhook serves the repository, one of its own would send everything twice."""
    if not fleet.read(lambda sql: organizations.serves(sql, ref.full_name)):
        return found
    there = [HookChange(Mark.DELETE, x.id, Wrong.DOUBLE) for x in found.hooks or () if x.id]
    own = {label.id for label in fleet.forge.repos.labels(ref)}
    kept = tuple(x for x in found.labels if x.mark is not Mark.MEND or x.id in own)
    return Plan(kept, tuple(there))


def hooks_of(fleet: Fleet, ref: RepoRef) -> list[Hook] | None:
    """Every webhook of the repository; None when the forge does not show them to the bot."""
    try:
        return fleet.forge.repos.hooks(ref)
    except Refused as refusal:
        if refusal.status == 403:
            return None
        raise


def change_labels(
    changes: Sequence[LabelChange], make: Callable[[WantedLabel], None], mend: Callable[[int], None]
) -> None:
    for change in changes:
        if change.mark is Mark.MAKE:
            make(change.label)
        elif change.mark is Mark.MEND:
            mend(change.id)


def change_hooks(changes: Sequence[HookChange] | None, make: Callable[[], int], delete: Callable[[int], None]) -> int:
    """The new one first, so that no event falls between the two; returns the id of the hook in use, 0 for none."""
    in_use = 0
    for change in changes or ():
        if change.mark is Mark.MAKE:
            in_use = make()
        elif change.mark is Mark.DELETE:
            delete(change.id)
        else:
            in_use = change.id
    return in_use


def try_hook(fleet: Fleet, ref: RepoRef, hook_id: int, wait_secs: float) -> Trial:
    """The forge sends a made-up push; that it arrived is seen in the inbox, whichever process took it in."""
    before = fleet.read(inbox.newest_id)
    try:
        fleet.forge.repos.test_hook(ref, hook_id)
    except Missing:  # 404: there is no commit to make a push of
        return Trial.EMPTY
    wakeups, deadline = fleet.store.wakeups, time.monotonic() + wait_secs
    while True:
        seen = wakeups.count(INBOX)
        if _arrived(fleet, ref.id, before):
            return Trial.ARRIVED
        left = deadline - time.monotonic()
        if left <= 0:
            return Trial.MISSING
        wakeups.wait(INBOX, seen, left)


def _arrived(fleet: Fleet, repo_id: int, before: int) -> bool:
    pushes = fleet.read(lambda sql: inbox.after(sql, before, "push"))
    return any(number(table(decode.payload(x.body), "repository"), "id") == repo_id for x in pushes)
