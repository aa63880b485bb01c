"""A webhook, its replay and a poll of the same comments, in any order and number: each effect is there once."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.facts import Right
from tests.unit.service.scenes import Scenes

WORDS = (
    "/fleet run",
    "/fleet run\n/fleet hold",
    "/fleet retry",
    "/fleet ping",
    "/fleet nonsense",
    "/fleet run\n/fleet say x",
)
#: Which scene hears of its comment, and whether by a poll.
HEARD = st.lists(st.tuples(st.integers(0, len(WORDS) - 1), st.booleans()), min_size=1, max_size=24)
_numbers = iter(range(1, 10**9))


@given(HEARD)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_has_the_same_effect_once(scenes: Scenes, heard: list[tuple[int, bool]]) -> None:
    here = [next(_numbers) for _ in WORDS]
    scenes.right = Right.ADMIN
    for repo_id in here:
        scenes.opens(repo_id, "none", "")
    first: dict[int, Any] = {}
    for n, polled in heard:
        scenes.hears(here[n], WORDS[n], polled=polled)
        first.setdefault(n, scenes.world(here[n]))
    for n, then in first.items():
        assert scenes.world(here[n]) == then, WORDS[n]
        task, _, _, wishes, _ = then
        run = WORDS[n] in ("/fleet run", "/fleet run\n/fleet hold", "/fleet run\n/fleet say x")
        assert scenes.outcome(here[n]) == ("done" if n in (0, 1, 3) else "refused"), WORDS[n]
        assert (task is not None) is (run and n != 5), WORDS[n]
        assert sum(target.startswith("reply:") for target, _ in wishes) <= 1


#: Comments on one issue, each of which changes what the others may do.
TALK = (
    "/fleet run",
    "/fleet hold",
    "/fleet unhold",
    "/fleet set priority=high",
    "/fleet cancel",
    "/fleet retry",
    "/fleet run\n/fleet hold\n/fleet cancel",
)
TOLD = st.lists(st.tuples(st.integers(0, len(TALK) - 1), st.booleans()), min_size=1, max_size=30)


@given(TOLD)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_comments_on_one_issue_count_once_each_in_the_order_they_were_first_heard(
    scenes: Scenes, told: list[tuple[int, bool]]
) -> None:
    often, once = next(_numbers), next(_numbers)
    scenes.right = Right.ADMIN
    for repo_id in (often, once):
        scenes.opens(repo_id, "none", "")
    seen: set[int] = set()
    for n, polled in told:
        scenes.hears(often, TALK[n], polled=polled, comment=n + 1)
        if n not in seen:
            scenes.hears(once, TALK[n], polled=polled, comment=n + 1)
        seen.add(n)
    assert _plain(scenes, often) == _plain(scenes, once)
    assert [scenes.outcome(often, n + 1) for n in seen] == [scenes.outcome(once, n + 1) for n in seen]


def _plain(scenes: Scenes, repo_id: int) -> Any:
    """What two issues with the same story have in common: no ids, and no answers (they tell places in one queue)."""
    task, holds, stop, wishes, history = scenes.world(repo_id)
    shown = [
        (kind, target.rpartition(":")[2] if kind == "react" else "")
        for target, _ in wishes
        if (kind := target.partition(":")[0]) != "reply"
    ]
    known = (task.state, task.priority, task.holds, task.generation, task.fence, task.version) if task else None
    return known, holds, stop, shown, [type(x.event) for x in history]
