"""Legal histories of a task, as hypothesis draws them."""

from hypothesis import strategies as st

from bot.core import states
from bot.core.events import Event
from bot.core.task import Task
from tests.unit.core.samples import after, created, of_each_kind, requested


def possible(now: Task) -> list[Event]:
    """What may happen now, with the right fence."""
    return [x for x in of_each_kind(now.fence) if states.target(now.state, type(x)) is not None]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A legal history of up to 30 events."""
    history: list[Event] = [draw(st.sampled_from([created(), requested()]))]
    for _ in range(draw(st.integers(0, 30))):
        choices = possible(after(*history))
        if not choices:
            break
        history.append(draw(st.sampled_from(choices)))
    return history
