"""Every command by every role in every state, however it is heard of: made from the declarations, and complete."""

import pytest

from bot.commands import EVERY_STATE, NO_TASK, commands
from bot.core.facts import Right
from bot.core.task import Task
from bot.webhooks.hints import Way
from tests.unit.service.scenes import ROLES, WAYS_THERE, Scenes


def expected(name: str, right: Right, task: Task | None) -> str:
    """What the declarations say becomes of a command that is well written."""
    one = commands()[name]
    permitted = one.may(right) or (one.asks and right is Right.READ)
    return "done" if permitted and one.legal(task) else "refused"


@pytest.mark.parametrize("state", EVERY_STATE)
@pytest.mark.parametrize("polled_first", [False, True])
def test_every_command_by_every_role(scenes: Scenes, state: str, polled_first: bool) -> None:
    """Edited runs nothing; created or polled does what is declared; replayed or polled again changes nothing."""
    for n, (name, right) in enumerate(((name, right) for name in commands() for right in ROLES), 1):
        where = f"{name} by {right} in {state}"
        words, task = commands()[name].example, scenes.opens(n, state, name)
        scenes.right = right
        scenes.hears(n, words, way=Way.EDIT)
        assert scenes.world(n)[0] == task, where
        assert scenes.reaction(n) == "", where
        scenes.hears(n, words, polled=polled_first)
        assert scenes.outcome(n) == expected(name, right, task), where
        assert scenes.reaction(n) == ("eyes" if scenes.outcome(n) == "done" else "confused"), where
        if scenes.outcome(n) == "refused":
            assert scenes.world(n)[0] == task, where
        then = scenes.world(n)
        scenes.hears(n, words, polled=not polled_first)
        scenes.hears(n, words)
        scenes.hears(n, words, way=Way.EDIT)
        assert scenes.world(n) == then, where


def test_the_ways_lead_to_every_state() -> None:
    assert set(WAYS_THERE) | {NO_TASK} == set(EVERY_STATE)
