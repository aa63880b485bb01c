"""Webhooks of a repository, with the traps of editing them."""

from bot.standin.answers import Json, Refusal, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.hooks import Hook, checked_url, meaning
from bot.standin.people import Right
from bot.standin.render import repositories as render

_LIST = "/repos/<owner>/<repo>/hooks"
_ONE = _LIST + "/<int:id>"


def _hook(call: Call) -> Hook:
    call.needs(Right.ADMIN)
    wanted = int(call.args["id"])
    found = next((hook for hook in call.repo.hooks if hook.id == wanted), None)
    if found is None:
        raise not_found()
    return found


@route("GET", _LIST, signed_in=True)
def listed(call: Call) -> Reply:
    """All of them."""
    call.needs(Right.ADMIN)
    shown, headers = call.page(call.repo.hooks)
    return ok([render.hook(hook) for hook in shown], headers)


@route("POST", _LIST)
def create(call: Call) -> Reply:
    """Set one up: inactive unless told, push only without events."""
    call.needs(Right.ADMIN)
    given = call.body(
        "CreateHookOption",
        type=str,
        config=dict,
        events=list,
        active=bool,
        authorization_header=str,
        branch_filter=str,
    )
    config: dict[str, str] = given.get("config", {})
    if "url" not in config or "content_type" not in config:
        raise Refusal(422, f"Missing config option: {'url' if 'url' not in config else 'content_type'}")
    made = call.repo.hook(
        checked_url(config["url"]),
        secret=config.get("secret", ""),
        events=given.get("events", []),
        active=given.get("active", False),
        content_type=config["content_type"],
        authorization=given.get("authorization_header", ""),
        branch_filter=given.get("branch_filter", ""),
    )
    made.kind = given.get("type", "forgejo")
    return created(render.hook(made))


@route("GET", _ONE, signed_in=True)
def one(call: Call) -> Reply:
    """One of them."""
    return ok(render.hook(_hook(call)))


@route("PATCH", _ONE)
def edit(call: Call) -> Reply:
    """Events and branch filter fall back when left out; the secret stays whatever is sent (15.0, seen)."""
    hook = _hook(call)
    given = call.body(
        "EditHookOption", config=dict, events=list, active=bool, authorization_header=str, branch_filter=str
    )
    config: dict[str, Json] = given.get("config", {})
    if "url" in config:
        hook.url = checked_url(str(config["url"]))
    hook.content_type = str(config.get("content_type", hook.content_type))
    # These three cannot be edited by API: they stay as they were.
    kept = {kind for kind in hook.events if kind.startswith("action_run_")}
    hook.events = frozenset(kept | {kind for kind in meaning(given.get("events", [])) if kind not in kept})
    hook.branch_filter = given.get("branch_filter", "")
    hook.authorization = given.get("authorization_header", "") or hook.authorization
    hook.active = given.get("active", hook.active)
    hook.updated = call.forge.now()
    return ok(render.hook(hook))


@route("DELETE", _ONE)
def delete(call: Call) -> Reply:
    """Take it away."""
    call.repo.hooks.remove(_hook(call))
    return nothing()


@route("POST", _ONE + "/tests")
def test(call: Call) -> Reply:
    """Send a made-up push."""
    call.repo.test_hook(call.by, _hook(call))
    return nothing()
