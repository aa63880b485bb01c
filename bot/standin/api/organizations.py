"""Labels, webhooks and repositories of an organisation; its webhooks have no test, unlike a repository's."""

from bot.standin import labels as labelling
from bot.standin.answers import Json, Refusal, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.hooks import Hook, checked_url, meaning
from bot.standin.labels import Label
from bot.standin.organizations import Organization
from bot.standin.people import Right
from bot.standin.render import repositories as render

_LABELS = "/orgs/<org>/labels"
_HOOKS = "/orgs/<org>/hooks"


def _org(call: Call, *, owned: bool = False) -> Organization:
    found = call.forge.organizations.get(call.args["org"].lower())
    if found is None:
        raise not_found()
    if owned and call.by not in found.owners and not call.by.is_admin:
        raise Refusal(403, "Must be an organization owner")
    return found


@route("GET", "/orgs/<org>/repos", scope="organization")
def repositories(call: Call) -> Reply:
    """Those that the caller may see."""
    found = _org(call)
    seen = [
        repo
        for repo in call.forge.repositories.values()
        if repo.owner is found.account and repo.right_of(call.person) >= Right.READ
    ]
    shown, headers = call.page(seen)
    return ok([render.repository(repo, repo.right_of(call.person), call.person) for repo in shown], headers)


@route("GET", _LABELS, scope="organization")
def labels(call: Call) -> Reply:
    """By name."""
    found = _org(call)
    shown, headers = call.page(found.labels)
    return ok([_shown(call, found, one) for one in shown], headers)


@route("POST", _LABELS, scope="organization")
def create_label(call: Call) -> Reply:
    """For owners; also a second one of the same name."""
    found = _org(call, owned=True)
    given = call.body("CreateLabelOption", ["name", "color"], name=str, color=str, description=str, exclusive=bool)
    made = Label(
        call.forge.next_id("label"),
        given["name"],
        labelling.color(given["color"]),
        given.get("description", ""),
        given.get("exclusive", False),
    )
    found.labels = sorted([*found.labels, made], key=lambda label: label.name)
    return created(_shown(call, found, made))


@route("PATCH", _LABELS + "/<int:id>", scope="organization")
def edit_label(call: Call) -> Reply:
    """For owners."""
    found = _org(call, owned=True)
    label = next((one for one in found.labels if one.id == int(call.args["id"])), None)
    if label is None:
        raise not_found()
    given = call.body("EditLabelOption", name=str, color=str, description=str, exclusive=bool)
    for name in ("name", "description", "exclusive"):
        setattr(label, name, given.get(name, getattr(label, name)))
    return ok(_shown(call, found, label))


@route("GET", _HOOKS, scope="organization", signed_in=True)
def hooks(call: Call) -> Reply:
    """For owners."""
    shown, headers = call.page(_org(call, owned=True).hooks)
    return ok([render.hook(hook) for hook in shown], headers)


@route("POST", _HOOKS, scope="organization")
def create_hook(call: Call) -> Reply:
    """As of a repository: inactive unless told, push only without events."""
    found = _org(call, owned=True)
    given = call.body("CreateHookOption", type=str, config=dict, events=list, active=bool, branch_filter=str)
    config: dict[str, str] = given.get("config", {})
    now = call.forge.now()
    url = checked_url(config.get("url", ""))
    made = Hook(call.forge.next_id("hook"), url, now, now, config.get("secret", ""), config.get("content_type", "json"))
    made.events, made.active = meaning(given.get("events", [])), given.get("active", False)
    made.branch_filter, made.kind = given.get("branch_filter", ""), given.get("type", "forgejo")
    found.hooks.append(made)
    return created(render.hook(made))


@route("DELETE", _HOOKS + "/<int:id>", scope="organization")
def delete_hook(call: Call) -> Reply:
    """For owners."""
    found = _org(call, owned=True)
    hook = next((one for one in found.hooks if one.id == int(call.args["id"])), None)
    if hook is None:
        raise not_found()
    found.hooks.remove(hook)
    return nothing()


def _shown(call: Call, org: Organization, made: Label) -> dict[str, Json]:
    place = f"{call.forge.url}/api/v1/orgs/{org.account.login}"
    return render.label_at(place, made)
