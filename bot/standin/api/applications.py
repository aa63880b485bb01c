"""OAuth2 applications of a person."""

from bot.standin.answers import Reply
from bot.standin.api.calls import Call, created, route
from bot.standin.render.people import when


@route("POST", "/user/applications/oauth2", scope="user")
def make_application(call: Call) -> Reply:
    """Make one; its secret is known only here."""
    given = call.body(
        "CreateOAuth2ApplicationOptions", ["name"], name=str, redirect_uris=list, confidential_client=bool
    )
    made = call.forge.oauth.register(
        call.forge.next_id("application"), str(given["name"]), *(str(x) for x in given.get("redirect_uris", []))
    )
    shown = {
        "id": made.id,
        "name": made.name,
        "client_id": made.client_id,
        "client_secret": made.secret,
        "redirect_uris": list(made.redirect_uris),
        "confidential_client": bool(given.get("confidential_client")),
        "created": when(call.forge.now()),
    }
    return created(shown)
