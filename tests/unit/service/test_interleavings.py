"""A webhook, its replay and a poll of the same comments, in any order and number: each effect is there once."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.facts import Right
from bot.service import hearing
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


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "MOST_PER_HOUR", 10**6)


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
