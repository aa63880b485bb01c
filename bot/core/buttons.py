"""Which buttons a task has: what the table of transitions allows now, and nothing else."""

from dataclasses import dataclass
from typing import Final

from bot.core import events as e
from bot.core import gates
from bot.core.events import Event
from bot.core.states import State, target
from bot.core.task import Task


@dataclass(frozen=True)
class Button:
    """``name`` is that of the slash-command which does the same; any of ``events`` is what pressing it leads to."""

    name: str
    events: tuple[type[Event], ...]
    starts: bool = False
    """It lets an agent work, which a repository may keep for some people."""


BUTTONS: Final = (
    Button("approve", (e.Approved, e.GateApproved), starts=True),
    Button("say", (e.Answered, e.Said)),
    Button("retry", (e.RetryRequested,), starts=True),
    Button("unhold", (e.Released,)),
    Button("hold", (e.HoldPlaced,)),
    Button("cancel", (e.Cancelled,)),
)
_BY_NAME: Final = {button.name: button for button in BUTTONS}


def named(name: str) -> Button | None:
    return _BY_NAME.get(name)


def possible(task: Task) -> tuple[Button, ...]:
    """What may be pressed now, by somebody who may."""
    return tuple(button for button in BUTTONS if _fits(button, task))


def _fits(button: Button, task: Task) -> bool:
    if not any(target(task.state, event) for event in button.events):
        return False
    if task.state is State.HELD:
        by_hand = "manual" in task.holds
        wanted = {"approve": any(map(gates.is_gate, task.holds)), "unhold": by_hand, "hold": not by_hand}
        return wanted.get(button.name, True)
    return True
