"""The simulation says what its inputs mean, and matches as the service does."""

import pytest

from benchmarks.simulate import Costs, Hour, Load, costs_from, report, used


def test_with_agents_to_spare_a_task_waits_for_its_claim_alone() -> None:
    seen = Hour(Load(agents=500, tasks_a_day=10_000, run_secs=60), Costs(claim_ms=2.0)).run()
    assert seen.left == 0
    assert 900 < len(seen.waits) < 1200, "an hour's share, at its peak"
    assert seen.quantile(0.5) == pytest.approx(0.002)


def test_with_too_few_agents_tasks_stay() -> None:
    load = Load(agents=20, tasks_a_day=10_000)
    seen = Hour(load, Costs()).run()
    assert seen.left > 500
    assert seen.busiest == 20
    assert max(used(load, Costs()), key=lambda name: used(load, Costs())[name]) == "agents"


def test_whoever_cannot_do_it_does_not_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def nobody(*seen: object) -> bool:
        asked.append(seen)
        return False

    monkeypatch.setattr("bot.core.matching.fits", nobody)
    seen = Hour(Load(agents=100, tasks_a_day=10_000), Costs()).run()
    assert asked
    assert not seen.waits


def test_the_turn_to_write_is_what_fills_up_when_writing_is_slow() -> None:
    load = Load(agents=100_000, tasks_a_day=1_000_000)
    shares = used(load, Costs(claim_ms=100.0, forge_ms=0.0))
    assert shares["turn to write"] > 1
    slow = Hour(Load(agents=300, tasks_a_day=100_000, run_secs=60, repos=2), Costs(claim_ms=1000.0)).run()
    assert slow.quantile(0.99) > 60


def test_costs_can_be_given() -> None:
    assert costs_from({"claim_ms": 3.0}).claim_ms == 3.0
    with pytest.raises(TypeError):
        costs_from({"claim": 3.0})
    assert "| agents |" in report(Load(agents=10, tasks_a_day=10_000), Costs())
