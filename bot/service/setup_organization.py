"""Preparing an organisation: its labels and one webhook for all its repositories, and letting go of it again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.core import setup_text as text
from bot.core.errors import Refused
from bot.core.facts import Repository, Right
from bot.forge import Missing, RepoRef
from bot.service.fleet import Fleet
from bot.service.setup import HOOK_PATH, Plan, change_hooks, change_labels, hooks_of, plan, wanted_labels
from bot.store import Sql, agents, forge_facts, organizations

T = TypeVar("T")


@dataclass(frozen=True)
class OrgDone:
    """``repositories`` are those the bot may write to; ``doubles`` our webhooks of single ones (name, number), which
    the organisation's replaces."""

    organization: str
    url: str
    plan: Plan
    repositories: tuple[Repository, ...]
    doubles: tuple[tuple[str, int], ...]

    @property
    def nothing_to_do(self) -> bool:
        return self.plan.nothing_to_do and not self.doubles


@dataclass(frozen=True)
class OrgLetGo:
    """``hooks`` are ours that were (or would be) deleted, None where the forge does not show them (any more);
    ``repositories`` those that are watched no more."""

    organization: str
    page: str
    url: str
    hooks: tuple[int, ...] | None
    repositories: tuple[str, ...]
    was_set_up: bool


def look(fleet: Fleet, org: str, *, new_hook: bool = False) -> Plan:
    """What is there against what is wanted. Raises Refused when there is no such organisation, or it is not ours."""
    there = fleet.forge.organizations
    return asked(
        org,
        lambda: plan(
            there.labels(org),
            there.hooks(org),
            wanted_labels(fleet.settings, fleet.read(agents.listed)),
            hook_url(fleet),
            new_hook=new_hook,
        ),
    )


def set_up_org(fleet: Fleet, org: str, *, dry_run: bool = False, new_hook: bool = False) -> OrgDone:
    """Makes the organisation as wanted and watches its repositories from now on. Raises as ``look``."""
    there, url = fleet.forge.organizations, hook_url(fleet)
    found = look(fleet, org, new_hook=new_hook)
    repositories = tuple(
        x
        for x in asked(org, lambda: there.repositories(org))
        if x.right in (Right.WRITE, Right.ADMIN) and not x.archived
    )
    done = OrgDone(org, url, found, repositories, _doubles(fleet, repositories, url))
    if dry_run:
        return done
    change_labels(
        found.labels,
        lambda x: there.make_label(org, x.name, x.color, x.description, exclusive=x.exclusive),
        lambda label_id: there.edit_label(org, label_id, exclusive=True),
    )
    secret = fleet.settings.forgejo.webhook_secret.get_secret_value()
    change_hooks(found.hooks, lambda: there.make_hook(org, url, secret).id, lambda old: there.delete_hook(org, old))
    by_name = {x.full_name: x for x in repositories}
    for name, hook_id in done.doubles:  # only now: no event falls between the two
        fleet.forge.repos.delete_hook(RepoRef(by_name[name].id, name), hook_id)
    for repository in repositories:
        fleet.remember(repository, watch=True)
    fleet.step(lambda step: organizations.put(step.sql, org, step.now))
    return done


def let_go_of_org(fleet: Fleet, org: str, *, dry_run: bool = False) -> OrgLetGo:
    """Takes our webhook away, known by its address, and stops watching the repositories, also of an organisation
    that is gone or not ours any more. Raises as ``look`` when it was not set up."""
    there, url = fleet.forge.organizations, hook_url(fleet)
    watched = [x for x in fleet.read(forge_facts.watched) if x.full_name.partition("/")[0].lower() == org.lower()]
    was_set_up = org.lower() in fleet.read(organizations.listed)
    ours: tuple[int, ...] | None
    try:
        ours = tuple(hook.id for hook in asked(org, lambda: there.hooks(org)) if hook.url == url)
    except Refused as refused:
        if not was_set_up or refused.status not in (403, 404):
            raise
        ours = None
    if not dry_run:
        for hook_id in ours or ():
            there.delete_hook(org, hook_id)
        fleet.store.write(lambda sql: _forget(sql, org, [x.id for x in watched]))
    page = f"{fleet.settings.forgejo.url}/org/{org}"
    return OrgLetGo(org, page, url, ours, tuple(x.full_name for x in watched), was_set_up)


def hook_url(fleet: Fleet) -> str:
    return fleet.settings.server.url.rstrip("/") + HOOK_PATH


def asked(org: str, ask: Callable[[], T]) -> T:
    """What the forge says to ``ask``, its refusals in words that help."""
    try:
        return ask()
    except Missing as missing:
        raise Refused(text.no_such_org(org), text.name_an_org(), 404, "no_such_organization") from missing
    except Refused as refused:
        if refused.status != 403:
            raise
        raise Refused(text.not_an_owner(org), text.make_it_an_owner(org), 403, "not_an_owner") from refused


def _forget(sql: Sql, org: str, watched: list[int]) -> None:
    for repo_id in watched:  # also of repositories that are gone by now
        forge_facts.unwatch(sql, repo_id)
    organizations.forget(sql, org)


def _doubles(fleet: Fleet, repositories: tuple[Repository, ...], url: str) -> tuple[tuple[str, int], ...]:
    return tuple(
        (x.full_name, hook.id)
        for x in repositories
        for hook in hooks_of(fleet, RepoRef(x.id, x.full_name)) or ()
        if hook.url == url
    )
