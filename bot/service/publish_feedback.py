"""Publishing what a rework leads to: answers in review threads, and the forge's own scheduled merge."""

from bot.core import text
from bot.core.errors import Refused
from bot.core.states import State
from bot.forge import Missing
from bot.service.fleet import Fleet, ref
from bot.service.wishes import Known, NotWanted
from bot.store import tasks
from bot.store.outbox import Wish


def threads(fleet: Fleet, wish: Wish) -> Known:
    """Safe to ask again: answers of ours are known by their marker."""
    repo = fleet.repo(wish.wish["repo_id"])
    number, marker, body = wish.wish["number"], wish.wish["marker"], wish.wish["body"]
    new = 0
    for review_id in wish.wish["reviews"]:
        try:
            new += fleet.forge.reviews.answer(ref(repo), number, review_id, marker, body)
        except Missing:
            continue  # the review was deleted: nobody waits for an answer
    return {"answers": new}


def merge(fleet: Fleet, wish: Wish) -> Known:
    """Only the commit that was approved, and only while that still holds: else what was scheduled is taken back."""
    task = fleet.read(lambda sql: tasks.find(sql, wish.task_id))
    sha = wish.wish["sha"]
    if not sha:
        fleet.forge.pulls.cancel_merge(ref(fleet.repo(wish.wish["repo_id"])), wish.wish["number"])
        return {}
    wanted = task is not None and task.state is State.REVIEW and task.feedback.merges
    if task is None or not wanted or task.feedback.ready_sha != sha:
        raise NotWanted(text.out_of_date())
    repo = fleet.repo(task.repo_id)
    try:
        fleet.forge.pulls.merge_when_checks_succeed(ref(repo), wish.wish["number"], sha, wish.wish["style"])
    except Refused as refused:
        if refused.kind == "head_moved":
            raise NotWanted(refused.reason) from refused
        raise
    return {"sha": sha}
