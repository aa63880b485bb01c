"""People, their tokens, and what they may do in a repository."""

from bot.standin.answers import Refusal, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.people import Right
from bot.standin.render import people as render

_ONE_REPOSITORY_SCOPES = {"read:issue", "write:issue", "read:repository", "write:repository"}


@route("GET", "/user", scope="user", signed_in=True)
def me(call: Call) -> Reply:
    """Who the token belongs to."""
    return ok(call.shown(call.by))


@route("GET", "/users/<login>", scope="user")
def somebody(call: Call) -> Reply:
    """Anyone by name."""
    login = call.args["login"]
    if login not in call.forge.people:
        raise Refusal(404, f"user redirect does not exist [name: {login}]")
    return ok(call.shown(call.forge.people[login]))


@route("GET", "/users/<login>/tokens", scope="user", signed_in=True)
def tokens(call: Call) -> Reply:
    """One's own tokens, newest first, without their secrets."""
    _only_oneself(call)
    shown, headers = call.page(list(reversed(call.by.tokens)))
    return ok([render.token(call.forge, made) for made in shown], headers)


@route("POST", "/users/<login>/tokens", scope="user")
def create_token(call: Call) -> Reply:
    """Make a token: only with the password; for chosen repositories only with these four scopes."""
    _only_oneself(call)
    if not call.by_password:
        raise Refusal(401, "auth required")
    given = call.body("CreateAccessTokenOption", ["name"], name=str, scopes=list, repositories=list)
    scopes = [str(scope) for scope in given.get("scopes", [])]
    chosen = given.get("repositories")
    ids = None
    if chosen is not None:
        if not _ONE_REPOSITORY_SCOPES.issuperset(scopes):
            text = "Access tokens with specified repositories can only be used with the read:issue, write:issue,"
            raise Refusal(400, f"{text} read:repository, and write:repository scopes.")
        found = [call.forge.find(f"{one['owner']}/{one['name']}") for one in chosen]
        ids = tuple(repo.id for repo in found if repo is not None)
    made = call.by.new_token(*scopes, name=str(given["name"]), repositories=ids)
    return created(render.token(call.forge, made, secret=True))


def _only_oneself(call: Call) -> None:
    if call.by.login != call.args["login"] and not call.by.is_admin:
        raise Refusal(403, "not allowed")


@route("GET", "/repos/<owner>/<repo>/collaborators/<login>/permission", signed_in=True)
def permission(call: Call) -> Reply:
    """What somebody may do: for repository admins, or about oneself."""
    login = call.args["login"]
    if call.right < Right.ADMIN and call.by.login != login:
        raise Refusal(
            403,
            "Only admins can query all permissions, repo admins can query all repo permissions, "
            "collaborators can query only their own",
        )
    if login not in call.forge.people:
        raise Refusal(404, f"user does not exist [uid: 0, name: {login}]")
    person = call.forge.people[login]
    name = call.repo.right_of(person).name.lower()
    return ok({"permission": name, "role_name": name, "user": call.shown(person)})


@route("GET", "/repos/<owner>/<repo>/collaborators", signed_in=True)
def collaborators(call: Call) -> Reply:
    """Direct collaborators; the owner is none."""
    people = [call.forge.people[login] for login in call.repo.rights]
    shown, headers = call.page(sorted(people, key=lambda person: person.id))
    return ok([call.shown(person) for person in shown], headers)


@route("GET", "/repos/<owner>/<repo>/collaborators/<login>", signed_in=True)
def collaborator(call: Call) -> Reply:
    """204 for a direct collaborator."""
    login = call.args["login"]
    if login not in call.forge.people:
        raise Refusal(422, f"user does not exist [uid: 0, name: {login}]")
    if login not in call.repo.rights:
        raise not_found()
    return nothing()


@route("PUT", "/repos/<owner>/<repo>/collaborators/<login>")
def add_collaborator(call: Call) -> Reply:
    """Make somebody a collaborator."""
    call.needs(Right.ADMIN)
    given = call.body("AddCollaboratorOption", permission=str)
    call.repo.grant(call.forge.named(call.args["login"]), str(given.get("permission", "write")))
    return nothing()


@route("GET", "/repos/<owner>/<repo>/assignees", signed_in=True)
def assignees(call: Call) -> Reply:
    """The owner and those who may write."""
    writers = [call.forge.people[login] for login, right in call.repo.rights.items() if right >= Right.WRITE]
    people = sorted({call.repo.owner, *writers}, key=lambda person: person.login)
    return ok([call.shown(person) for person in people])
