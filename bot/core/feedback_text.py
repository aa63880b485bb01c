"""Sentences about pull requests that go back to their agents, to people, or are ready."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.core import cleaning
from bot.core.facts import Opinion

if TYPE_CHECKING:
    from bot.core.feedback import Failed, Heard

_OPINIONS = {
    Opinion.APPROVED: "approves",
    Opinion.CHANGES: "asks for changes",
    Opinion.COMMENT: "comments",
}
_WHY = {"review": "reviews", "conflict": "merge conflicts", "checks": "red checks"}
_FOR = {
    "review": "the review",
    "conflict": "a conflict with the base branch",
    "checks": "checks that do not pass",
}


# --- what agents read --------------------------------------------------------------------------------------


def news(base: str, reviews: "Sequence[Heard]", failed: "Sequence[Failed]", conflicts: Sequence[str]) -> str:
    """Everything that is new about a pull request, for the agent that made it; people's words, to be fenced."""
    parts = [_review(one) for one in reviews if one.steers]
    if conflicts:
        files = "\n".join(f"- {cleaning.one_line(path, 300)}" for path in conflicts)
        parts.append(f"The branch cannot be merged into {base}. In conflict:\n{files}")
    parts += [_failed(one) for one in failed]
    others = [_review(one) for one in reviews if not one.steers]
    if others:
        parts.append("Said by people who cannot ask for changes here; you may know it, but need not act on it:")
    return "\n\n".join([*parts, *others])


def _review(one: "Heard") -> str:
    said = [f"{one.review.author.login} {_OPINIONS[one.review.opinion]}:", one.review.body.strip()]
    for comment in one.comments:
        where = f"{comment.path}, line {comment.line}" if comment.line else f"{comment.path}, lines that are gone"
        said += [f"On {where}:", _indented(comment.hunk), comment.body.strip()]
    return "\n\n".join(x for x in said if x)


def _failed(one: "Failed") -> str:
    said = f"The check {cleaning.one_line(one.check.context, 200)} does not pass: "
    said += cleaning.one_line(one.check.description, 300) or one.check.state
    return f"{said}\n\nThe end of its log:\n\n{_indented(one.log)}" if one.log else said


def _indented(lines: str) -> str:
    return "\n".join(f"    {line}" for line in lines.strip("\n").splitlines())


def what_news() -> str:
    return "What is new about the pull request"


def rework_how(why: str, base: str) -> str:
    """The rules of an attempt that reworks a pull request."""
    first = {
        "review": "The pull request you made was reviewed. Do what the review asks for.",
        "checks": "The checks of the pull request you made do not pass. Find out why and mend it.",
        "conflict": (
            f"The branch of the pull request you made is in conflict with `{base}`. Both have been merged for you: "
            "resolve the files with conflict markers, and keep what each side wanted."
        ),
    }.get(why, "")
    return (
        f"{first} Leave alone what nobody objects to. Others may have added commits to the branch: keep them. If "
        "nothing has to be changed, end with a line that begins with `::fleet no-change` and then says why."
    )


def markers_left(paths: Sequence[str]) -> str:
    return f"conflict markers are left in {', '.join(cleaning.code(x, 100) for x in paths[:5])}"


# --- what people read --------------------------------------------------------------------------------------


def queued(why: str) -> str:
    """Half a sentence before the place in the queue."""
    return f"The pull request goes back to its agent because of {_FOR.get(why, why)}."


def ready(pull_request: int, by: str, merges: bool) -> str:
    then = "the forge merges it." if merges else "it can be merged."
    return f"#{pull_request} is approved by {cleaning.code(by, 60)} and its checks pass: {then}"


def needs_a_person(pull_request: int, why: str, waiting: int) -> str:
    said = f"#{pull_request} needs a person: {_FOR.get(why, why)} could not be settled by its agent."
    if not waiting:
        return said
    what = "1 review since then waits" if waiting == 1 else f"{waiting} reviews since then wait"
    return f"{said} {what}: `/fleet retry` hands everything new to the agent."


def escalated(to: str, pull_request: int, why: str, limit: str, times: int) -> str:
    often = "time" if times == 1 else "times"
    because = {
        "count": f"it went back to its agent {times} {often} because of {_WHY.get(why, why)}",
        "time": "it has been open too long to go on without a person",
        "declined": f"its agent found nothing to change about {_FOR.get(why, why)}",
        "same": "its agent made the same change twice",
    }[limit]
    return (
        f"{to}#{pull_request} needs a person: {because}. What is wrong now: {_FOR.get(why, why)}. Mend it on the "
        f"branch and merge it, close it, or have the agent go on with `/fleet retry …`."
    )


def left_as_it_is(to: str, agent: str, pull_request: int, explanation: str) -> str:
    return f"{to}{cleaning.name(agent)} leaves #{pull_request} as it is: {cleaning.code(explanation, 600)}"


def thread_reworked(attempt: int, sha: str) -> str:
    return f"Reworked by attempt {attempt} in {sha[:10]}."


def thread_declined(attempt: int, explanation: str) -> str:
    return f"Attempt {attempt} leaves this as it is: {cleaning.code(explanation, 600)}"


def attempt_kind(kind: str) -> str:
    """Shown behind an attempt's number in the history."""
    return f" ({kind})" if kind in ("rework", "resume") else ""


def head_moved(number: int) -> str:
    return f"Pull request {number} is closed or has another commit by now, so it is not merged."


def reopened(to: str, number: int) -> str:
    return (
        f"{to}#{number} is open again, and in review: what is new in reviews and checks goes back to its agent as "
        "before. The rework that its closing cut off does not begin again by itself: `/fleet retry` lets an agent take "
        "it up."
    )


def base_is_gone(base: str) -> str:
    return f"The branch {cleaning.code(base, 80)}, to which the pull request was to go, is gone."


def bring_the_base_back() -> str:
    return "Bring it back and use `/fleet retry`, or ask for a new task with `/fleet run`."
