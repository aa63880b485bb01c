"""What `/fleet why` says of a task that is not in the queue: how it stands, and what would move it."""

import pytest

from bot.core import why_text
from bot.core.reasons import Reason
from bot.core.rework import Feedback
from bot.core.states import State
from bot.core.task import Task
from tests.unit.core.samples import a_task

NOON = 1_000_000 * 43_200.0


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        (
            a_task(State.QUEUED, fence=2, not_before=NOON, reason=Reason.RATE_LIMITED, message="429"),
            "Attempt 2 failed: the model provider refused: too many requests (`429`). The next attempt starts at",
        ),
        (a_task(State.REVIEW, pull_request=34), "#34 is ready for review. To run it again: `/fleet retry`."),
        (
            a_task(State.REVIEW, pull_request=34, feedback=Feedback(escalated=("checks",))),
            "#34 needs a person: checks that do not pass could not be settled by its agent. To run it again:",
        ),
        (
            a_task(State.REVIEW, pull_request=34, feedback=Feedback(ready_by="ann")),
            "#34 is approved by `ann` and its checks pass: it can be merged.",
        ),
        (
            a_task(State.FAILED, reason=Reason.BUDGET, message="all 2 attempts"),
            "Failed: the budget is used up (`all 2 attempts`). Raise the limit under [budget]",
        ),
        (a_task(State.DONE, pull_request=34), "It does not wait for anything: the task is done. To run it again: reop"),
        (
            a_task(State.DONE, why="no_change"),
            "It does not wait for anything: the task is done. To run it again: `/fleet retry`.",
        ),
    ],
)
def test_how_a_task_stands_that_is_not_in_the_queue(task: Task, wanted: str) -> None:
    assert why_text.not_in_queue(task).startswith(wanted)
