"""A repository that the fleet works for: the bot's right, labels, webhook, and a test delivery that arrives."""

from collections.abc import Iterator

from bot.core import doctor_text as text
from bot.core import setup_text
from bot.core.errors import Refused
from bot.core.facts import Right
from bot.core.matching import ANY, PREFIX
from bot.doctor.finding import Finding, fail, ok, warn
from bot.doctor.forge import scope_of
from bot.forge import Missing, RepoRef
from bot.service import setup
from bot.service.fleet import Fleet
from bot.service.setup import HOOK_PATH, Mark, Plan, Trial
from bot.store import agents, counters
from bot.store.forge_facts import KnownRepository


def repository(fleet: Fleet, known: KnownRepository, *, wait_secs: float) -> Iterator[Finding]:
    """Raises Unavailable when the forge stops answering."""
    name, ref = known.full_name, RepoRef(known.id, known.full_name)
    me = fleet.forge.me()
    try:
        fleet.forge.repos.by_id(known.id)
        right = fleet.forge.repos.right_of(ref, me)
    except Missing:
        yield fail("repository", text.repository_gone(), text.invite(me.login), subject=name)
        return
    except Refused as refused:
        said = scope_of(refused) or refused.reason
        yield fail("repository", said, text.new_token(fleet.settings.forgejo.url.rstrip("/")), subject=name)
        return
    yield _right(fleet, known, right, me.login)
    if right.may_write or right is Right.UNKNOWN:
        yield from _dressed(fleet, ref, wait_secs)


def _right(fleet: Fleet, known: KnownRepository, right: Right, login: str) -> Finding:
    page = known.html_url or f"{fleet.settings.forgejo.url.rstrip('/')}/{known.full_name}"
    fix = text.give_right(login, page)
    match right:
        case Right.ADMIN:
            return ok("repository.right", text.right_good(right.value), known.full_name)
        case Right.WRITE | Right.UNKNOWN:
            fix += text.or_list_writers()
            return warn("repository.right", text.right_write_only(), fix, subject=known.full_name)
        case _:
            return fail("repository.right", text.right_too_small(right.value), fix, subject=known.full_name)


def _dressed(fleet: Fleet, ref: RepoRef, wait_secs: float) -> Iterator[Finding]:
    try:
        fleet.forge.repos.try_labelling(ref)
        labels = setup.labels_of(fleet, ref)
        hooks = setup.hooks_of(fleet, ref)
    except Refused as refused:
        said = scope_of(refused) or refused.reason
        yield fail(
            "repository.scope", said, text.new_token(fleet.settings.forgejo.url.rstrip("/")), subject=ref.full_name
        )
        return
    url = fleet.settings.server.url.rstrip("/") + HOOK_PATH
    control = fleet.settings.forgejo.control_repo.lower() == ref.full_name.lower()
    wanted = setup.wanted_labels(fleet.settings, fleet.read(agents.listed), control=control)
    plan = setup.within_org(fleet, ref, setup.plan(labels, hooks, wanted, url))
    yield _labels(ref, plan)
    yield from _hook(fleet, ref, plan, url, wait_secs)


def _labels(ref: RepoRef, plan: Plan) -> Finding:
    wrong = [change.label.name for change in plan.labels if change.mark is not Mark.KEEP]
    if wrong:
        command = f"agent-fleet setup {ref.full_name}"
        if all(name.startswith(PREFIX) and name != f"{PREFIX}{ANY}" for name in wrong):  # an agent came by since
            return warn("repository.labels", text.labels_of_agents(wrong), command=command, subject=ref.full_name)
        return fail("repository.labels", text.labels_wrong(wrong), command=command, subject=ref.full_name)
    return ok("repository.labels", text.labels_good(len(plan.labels)), ref.full_name)


def _hook(fleet: Fleet, ref: RepoRef, plan: Plan, url: str, wait_secs: float) -> Iterator[Finding]:
    command = f"agent-fleet setup {ref.full_name}"
    if plan.hooks is None:
        fix = f"{text.needs_admin()} {text.run(command)}"
        yield warn("repository.hook", text.hook_unseen(), fix, command=command, subject=ref.full_name)
        return
    others = [change for change in plan.hooks if change.mark is Mark.DELETE]
    if others:
        wrong = others[0].wrong
        yield fail(
            "repository.hook", text.hook_wrong(wrong.value if wrong else ""), command=command, subject=ref.full_name
        )
    elif not plan.hooks:
        org = ref.full_name.partition("/")[0]
        yield ok("repository.hook", setup_text.served_by_org(org), ref.full_name)
    elif plan.hooks[0].mark is Mark.MAKE:
        yield fail("repository.hook", text.hook_missing(), command=command, subject=ref.full_name)
    else:
        yield ok("repository.hook", text.hook_good(), ref.full_name)
        yield _delivery(fleet, ref, plan.hooks[0].id, url, wait_secs)


def _delivery(fleet: Fleet, ref: RepoRef, hook_id: int, url: str, wait_secs: float) -> Finding:
    before = fleet.read(counters.rejected_webhooks)
    try:
        trial = setup.try_hook(fleet, ref, hook_id, wait_secs)
    except Refused as refused:
        fix = text.new_token(fleet.settings.forgejo.url.rstrip("/"))
        return fail("repository.delivery", scope_of(refused) or refused.reason, fix, subject=ref.full_name)
    if trial is Trial.ARRIVED:
        return ok("repository.delivery", text.delivery_good(), ref.full_name)
    if trial is Trial.EMPTY:
        return warn("repository.delivery", text.delivery_untested(), text.push_first(), subject=ref.full_name)
    if fleet.read(counters.rejected_webhooks) > before:
        command = f"agent-fleet setup {ref.full_name} --new-hook"
        return fail("repository.delivery", text.delivery_refused(), command=command, subject=ref.full_name)
    fix = text.delivery_causes(setup.host_to_allow(url))
    return fail("repository.delivery", text.delivery_missing(url), fix, subject=ref.full_name)
