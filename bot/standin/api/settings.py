"""What the instance is and allows."""

from bot.standin.answers import Reply
from bot.standin.api.calls import DEFAULT_PAGE, MAX_PAGE, Call, ok, route
from bot.standin.issues import ATTACHMENT_TYPES, REACTIONS


@route("GET", "/version", scope="")
def version(call: Call) -> Reply:
    """The version, as Forgejo 15.0 words it."""
    return ok({"version": call.forge.version})


@route("GET", "/settings/api", scope="")
def api(_call: Call) -> Reply:
    """Page sizes."""
    return ok(
        {
            "max_response_items": MAX_PAGE,
            "default_paging_num": DEFAULT_PAGE,
            "default_git_trees_per_page": 1000,
            "default_max_blob_size": 10485760,
        }
    )


@route("GET", "/settings/ui", scope="")
def ui(_call: Call) -> Reply:
    """Allowed reactions."""
    emojis = ["git", "gitea", "codeberg", "gitlab", "github", "gogs", "forgejo"]
    return ok({"default_theme": "forgejo-auto", "allowed_reactions": list(REACTIONS), "custom_emojis": emojis})


@route("GET", "/settings/repository", scope="")
def repository(_call: Call) -> Reply:
    """Which parts are switched off."""
    off = ("mirrors", "http_git", "migrations", "stars", "forks")
    switches = {f"{name}_disabled": False for name in off}
    return ok({**switches, "time_tracking_disabled": False, "lfs_disabled": True})


@route("GET", "/settings/attachment", scope="")
def attachment(_call: Call) -> Reply:
    """What may be uploaded."""
    return ok({"enabled": True, "allowed_types": ATTACHMENT_TYPES, "max_size": 2048, "max_files": 5})
