"""git over HTTP: git's own backend behind the forge's rules about who may read and push."""

import re
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from bot.standin.git import ZERO, environment
from bot.standin.people import Person, Right, Token

if TYPE_CHECKING:
    from bot.standin.forge import Standin
    from bot.standin.repositories import Repository

PATH = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")


def answer(forge: "Standin", request: Request, who: tuple[Person, Token] | None, wrong: bool) -> Response | None:
    """The answer to git, None when the path is not git's. ``wrong``: a token came that nobody has."""
    match = PATH.fullmatch(request.path)
    if match is None:
        return None
    repo = forge.find(f"{match[1]}/{match[2]}") or forge.repositories.get(
        forge.moved.get(f"{match[1]}/{match[2]}".lower(), 0)
    )
    service = match[3] if match[3] != "info/refs" else request.args.get("service", "")
    pushing = service == "git-receive-pack"
    person = who[0] if who else None
    if wrong or (person is None and (pushing or repo is None or repo.private)):
        return _ask_for_a_name()
    if repo is None or repo.right_of(person) < Right.READ:
        return Response("Not found.\n", 404)
    if pushing and not _may_push(repo, who):
        return Response("Forbidden\n", 403)
    if pushing and match[3] == "git-receive-pack" and person is not None:
        return _receive(forge, repo, person, request)
    return _backend(repo, request, match[3], person, "")


def _ask_for_a_name() -> Response:
    return Response("Unauthorized\n", 401, {"WWW-Authenticate": 'Basic realm="Gitea"'})


def _may_push(repo: "Repository", who: tuple[Person, Token] | None) -> bool:
    """A writer, with a token that may write."""
    if who is None:
        return False
    person, token = who
    inside = token.repositories is None or repo.id in token.repositories
    return inside and token.allows("repository", "write") and repo.right_of(person) >= Right.WRITE and not repo.archived


def _receive(forge: "Standin", repo: "Repository", person: Person, request: Request) -> Response:
    """Take a push, then tell of every ref that moved."""
    with forge.lock:
        before = repo.git.refs()
        names = [f"refs/heads/{rule.rule_name}" for rule in repo.protections if not rule.enable_push]
        reply = _backend(repo, request, "git-receive-pack", person, " ".join(names))
        after = repo.git.refs()
        moved = {
            ref: (before.get(ref, ZERO), after.get(ref, ZERO))
            for ref in sorted(before.keys() | after.keys())
            if before.get(ref) != after.get(ref)
        }
        if moved:
            repo.pushed(person, moved)
    return reply


def _backend(repo: "Repository", request: Request, tail: str, person: Person | None, refused: str) -> Response:
    """Run `git http-backend` as a CGI program on this repository."""
    cgi = {
        "GIT_PROJECT_ROOT": str(repo.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repo.path.name}/{tail}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string.decode(),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": person.login if person else "",
        "REMOTE_ADDR": "127.0.0.1",
        "STANDIN_REFUSED_REFS": refused,
    }
    with tempfile.TemporaryFile() as body:
        _copy(request, body)
        cgi["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        done = subprocess.run(
            ["git", "http-backend"], stdin=body, capture_output=True, check=True, env=environment(cgi)
        )
    return _from_cgi(done.stdout)


def _copy(request: Request, body: IO[bytes]) -> None:
    """Bring the request's body, chunked or not, to a file: git's backend wants to know its length."""
    while chunk := request.stream.read(1 << 16):
        body.write(chunk)


def _from_cgi(out: bytes) -> Response:
    """A response from a CGI program's headers and body."""
    head, _, body = out.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
    headers = Headers([(name, value) for name, value in lines if name != "Status"])
    status = next((value for name, value in lines if name == "Status"), "200 OK")
    return Response(body, status, headers)
