"""Pull requests and their reviews."""

from bot.standin.answers import Json, Refusal, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.api.issues import apply_edit
from bot.standin.people import Person, Right
from bot.standin.pulls import Pull
from bot.standin.render import commits as render_commits
from bot.standin.render import pulls as render
from bot.standin.reviews import Review, answer

_LIST = "/repos/<owner>/<repo>/pulls"
_ONE = _LIST + "/<int:number>"


def _shown(call: Call, pull: Pull) -> dict[str, Json]:
    return render.pull(pull, call.right, call.person)


@route("GET", _LIST)
def listed(call: Call) -> Reply:
    """Pull requests, newest first."""
    state = call.query("state", "open")
    found = [pull for pull in reversed(call.repo.pulls) if state in ("all", pull.state)]
    if call.query("sort") == "oldest":
        found.reverse()
    shown, headers = call.page(found, links=True)
    return ok([_shown(call, pull) for pull in shown], headers)


@route("POST", _LIST)
def create(call: Call) -> Reply:
    """Open one."""
    given = call.body(
        "CreatePullRequestOption",
        ["title"],
        title=str,
        head=str,
        base=str,
        body=str,
        labels=list,
        assignees=list,
    )
    head = given.get("head", "").removeprefix(f"{call.repo.owner.login}:")
    pull = call.repo.open_pull(
        call.by,
        head,
        given.get("base", ""),
        given["title"],
        given.get("body", ""),
        given.get("labels", []),
        given.get("assignees", []),
    )
    return created(_shown(call, pull))


@route("GET", _ONE)
def one(call: Call) -> Reply:
    """One of them."""
    return ok(_shown(call, call.pull()))


@route("GET", _LIST + "/<base>/<path:head>")
def by_base_and_head(call: Call) -> Reply:
    """The newest of these branches."""
    ends = (call.args["base"], call.args["head"].removeprefix(f"{call.repo.owner.login}:"))
    found = [pull for pull in call.repo.pulls if (pull.base, pull.head) == ends]
    if not found:
        raise not_found()
    return ok(_shown(call, found[-1]))


@route("PATCH", _ONE)
def edit(call: Call) -> Reply:
    """Change texts, assignees, state."""
    pull = call.pull()
    given = call.body("EditPullRequestOption", title=str, body=str, state=str, assignees=list, labels=list)
    if call.by is not pull.poster:
        pull.needs(call.by, Right.WRITE)
    apply_edit(call, pull, given)
    if "labels" in given:
        pull.replace_labels(call.by, *given["labels"])
    return created(_shown(call, pull))


@route("GET", _LIST + "/<int:number>.diff")
def diff(call: Call) -> Reply:
    """The difference as text."""
    pull = call.pull()
    text = call.repo.git.patch(pull.merge_base, pull.head_sha)
    return Reply(raw=text.encode(errors="surrogateescape"), headers={"Content-Type": "text/plain; charset=utf-8"})


@route("GET", _ONE + "/files")
def files(call: Call) -> Reply:
    """The files it changes."""
    pull = call.pull()
    shown, headers = call.page(pull.changes(), links=True)
    return ok([render_commits.changed_file(call.repo, file, pull.head_sha) for file in shown], headers)


@route("GET", _ONE + "/commits")
def commits(call: Call) -> Reply:
    """Its commits, newest first."""
    pull = call.pull()
    shown, headers = call.page(call.repo.git.log(f"{pull.merge_base}..{pull.head_sha}"), links=True)
    return ok([render_commits.commit(call.repo, commit) for commit in shown], headers)


@route("GET", _ONE + "/merge")
def is_merged(call: Call) -> Reply:
    """204 when it was merged."""
    if not call.pull().merged:
        raise not_found()
    return nothing()


@route("POST", _ONE + "/merge")
def merge(call: Call) -> Reply:
    """Merge it."""
    given = call.body(
        "MergePullRequestForm",
        ["Do"],
        Do=str,
        head_commit_id=str,
        delete_branch_after_merge=bool,
        merge_when_checks_succeed=bool,
    )
    pull = call.pull()
    if given.get("merge_when_checks_succeed") and not pull.merge_can_be_now:
        pull.schedule_merge(call.by, given["Do"])
        return nothing(201)
    pull.merge(
        call.by,
        given["Do"],
        head_sha=given.get("head_commit_id", ""),
        delete_branch=given.get("delete_branch_after_merge", False),
        title=str(given.get("MergeTitleField", "")),
    )
    return nothing(200)


@route("DELETE", _ONE + "/merge")
def cancel_scheduled_merge(call: Call) -> Reply:
    """It is merged by hand, or not at all."""
    call.needs(Right.WRITE)
    call.pull().cancel_scheduled_merge()
    return nothing()


@route("POST", _ONE + "/update")
def update(call: Call) -> Reply:
    """Bring the base into the head; 500 when there is nothing to bring (15.0, seen)."""
    pull = call.pull()
    pull.needs(call.by, Right.WRITE)
    if pull.merge_base == pull.base_sha:
        raise Refusal(500, "")
    pull.update(call.by)
    return nothing(200)


@route("GET", _ONE + "/reviews")
def reviews(call: Call) -> Reply:
    """Reviews and requests for them, oldest first."""
    pull = call.pull()
    shown, headers = call.page(pull.reviews)
    return ok([render.review(pull, review, call.person) for review in shown], headers)


@route("POST", _ONE + "/reviews")
def create_review(call: Call) -> Reply:
    """Submit a review."""
    given = call.body("CreatePullReviewOptions", event=str, body=str, comments=list)
    comments = [
        (str(one.get("path", "")), int(one.get("new_position") or 0), str(one.get("body", "")))
        for one in given.get("comments", [])
    ]
    pull = call.pull()
    made = pull.review(call.by, given.get("event", ""), given.get("body", ""), comments)
    return ok(render.review(pull, made, call.person))


@route("GET", _ONE + "/reviews/<int:id>/comments")
def review_comments(call: Call) -> Reply:
    """Comments on lines."""
    pull, review = call.pull(), _review(call)
    return ok([render.review_comment(pull, review, comment, call.person) for comment in review.comments])


@route("POST", _ONE + "/reviews/<int:id>/comments")
def answer_review(call: Call) -> Reply:
    """Add a comment on a line to a review."""
    given = call.body("CreatePullReviewCommentOptions", path=str, body=str, new_position=int)
    pull, review = call.pull(), _review(call)
    line = given.get("new_position", 0)
    made = answer(pull, review, call.by, given.get("path", ""), line, given.get("body", ""))
    return ok(render.review_comment(pull, review, made, call.person))


def _review(call: Call) -> Review:
    wanted = int(call.args["id"])
    found = next((review for review in call.pull().reviews if review.id == wanted), None)
    if found is None:
        raise not_found()
    return found


def _reviewers(call: Call) -> list[Person]:
    given = call.body("PullReviewRequestOptions", reviewers=list)
    return [call.forge.named(str(login)) for login in given.get("reviewers", [])]


@route("POST", _ONE + "/requested_reviewers")
def ask_for_review(call: Call) -> Reply:
    """Ask people for a review."""
    pull = call.pull()
    made = pull.ask_for_review(call.by, *_reviewers(call))
    return created([render.review(pull, review, call.person) for review in made])


@route("DELETE", _ONE + "/requested_reviewers")
def withdraw_request(call: Call) -> Reply:
    """Take requests back."""
    for person in _reviewers(call):
        call.pull().withdraw_review_request(call.by, person)
    return nothing()
