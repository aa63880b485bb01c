"""Files by API."""

import base64
import binascii

from bot.standin.answers import Json, Refusal, Reply, not_found
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.git import TreeEntry
from bot.standin.people import Right
from bot.standin.render import commits as render

_PATH = "/repos/<owner>/<repo>/contents/<path:file>"


def _ref(call: Call) -> tuple[str, str]:
    """The ref as asked for and its commit."""
    ref = call.query("ref") or call.repo.default_branch
    sha = call.repo.git.sha(ref)
    if sha is None:
        raise not_found()
    return ref, sha


def _content(call: Call, entry: TreeEntry, ref: str, sha: str, *, whole: bool) -> dict[str, Json]:
    last = call.repo.git.last_change(sha, entry.path)
    data = call.repo.git.read(sha, entry.path) if whole else None
    return render.content(call.repo, entry, ref, last, data)


@route("GET", _PATH)
def get(call: Call) -> Reply:
    """A file with its content, or what a folder holds."""
    ref, sha = _ref(call)
    path = call.args["file"].strip("/")
    entries = call.repo.git.tree(sha, path)
    if not entries:
        raise Refusal(404, "GetContentsOrList", [f"object does not exist [id: , rel_path: {path}]"])
    if entries[0].path == path:
        return ok(_content(call, entries[0], ref, sha, whole=True))
    return ok([_content(call, entry, ref, sha, whole=False) for entry in entries])


@route("GET", "/repos/<owner>/<repo>/raw/<path:file>")
def raw(call: Call) -> Reply:
    """A file's bytes."""
    _, sha = _ref(call)
    data = call.repo.git.read(sha, call.args["file"])
    if data is None:
        raise not_found()
    return Reply(raw=data, headers={"Content-Type": "text/plain; charset=utf-8"})


def _write(call: Call) -> tuple[str, str, bytes, str]:
    """Branch, path, bytes and message of a write; only who may write to the branch gets here."""
    given = call.body("FileOptions", content=str, message=str, branch=str, new_branch=str, sha=str)
    branch = given.get("new_branch") or given.get("branch") or call.repo.default_branch
    if call.right < Right.WRITE or not call.repo.may_push(call.by, branch):
        raise Refusal(403, "user should have a permission to write to this branch")
    try:
        data = base64.b64decode(given.get("content", ""), validate=True)
    except binascii.Error as error:
        raise Refusal(422, str(error)) from error
    return branch, call.args["file"], data, given.get("message", f"Change {call.args['file']}")


def _committed(call: Call, branch: str, path: str, data: bytes, message: str) -> dict[str, Json]:
    sha = call.repo.commit(call.by, branch, {path: data}, message)
    entry = call.repo.git.tree(sha, path)[0]
    made = call.repo.git.log(sha, limit=1)[0]
    return render.file_answer(call.repo, _content(call, entry, branch, sha, whole=True), made)


@route("POST", _PATH)
def create(call: Call) -> Reply:
    """Write a new file."""
    branch, path, data, message = _write(call)
    sha = call.repo.git.sha(branch)
    if sha and call.repo.git.tree(sha, path):
        raise Refusal(422, f"repository file already exists [path: {path}]")
    return created(_committed(call, branch, path, data, message))


@route("PUT", _PATH)
def update(call: Call) -> Reply:
    """Change a file; with a stale sha 409."""
    branch, path, data, message = _write(call)
    given = call.body("UpdateFileOptions", ["sha"], sha=str)
    start = call.repo.git.sha(branch) or call.repo.git.sha(call.repo.default_branch) or ""
    entries = call.repo.git.tree(start, path)
    if not entries:
        raise not_found()
    if entries[0].sha != given["sha"]:
        raise Refusal(409, f"sha does not match [given: {given['sha']}, expected: {entries[0].sha}]")
    return ok(_committed(call, branch, path, data, message))
