"""Who may run a task, and why not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import matching
from bot.core.matching import Candidate, ClassKey

NAMES = ["python", "rust", "code:rust", "any", "codex", "codex-cli", "gpu"]


def agent(*capabilities: str, agent_type: str = "codex-cli", repos: tuple[str, ...] = ()) -> Candidate:
    return Candidate("gpu-1", agent_type, frozenset(capabilities), repos)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["bug", "agent:rust", "agent:code:rust", "fleet/queued"], ("code:rust", "rust")),
        (["Agent:rust", "agent/rust", "my agent:rust", "agent:", "agent"], ()),
        (["agent:any"], ("any",)),
        ([], ()),
    ],
)
def test_only_agent_labels_ask_for_something(labels: list[str], wanted: tuple[str, ...]) -> None:
    assert matching.requirements(labels) == wanted


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ((), ()),
        (("any",), ()),
        (("python",), ()),
        (("codex-cli",), ()),
        (("codex",), ()),
        (("claude",), ("claude",)),
        (("python", "rust"), ("rust",)),
        (("Python",), ("Python",)),
        (("any", "gpu"), ("gpu",)),
    ],
)
def test_every_requirement_must_be_met(wanted: tuple[str, ...], missing: tuple[str, ...]) -> None:
    assert matching.unmet(agent("python", "agent:docs"), wanted) == missing


def test_a_capability_may_be_written_as_the_label() -> None:
    assert matching.unmet(agent("agent:docs"), ("docs",)) == ()


@pytest.mark.parametrize(
    ("labels", "rank"),
    [
        ([], 1),
        (["priority:low"], 2),
        (["priority:low", "priority:high"], 0),
        (["priority:urgent", "high"], 1),
    ],
)
def test_the_most_urgent_label_counts(labels: list[str], rank: int) -> None:
    assert matching.priority(labels) == rank


@pytest.mark.parametrize(
    ("globs", "repo", "served"),
    [
        ((), "ann/lab", True),
        (("ann/*",), "Ann/Lab", True),
        (("bob/*", "ann/lab"), "ann/lab", True),
        (("ann/l?b",), "ann/lib", True),
        (("ann/*",), "anna/lab", False),
        (("*",), "ann/lab", True),
    ],
)
def test_repositories_of_a_token(globs: tuple[str, ...], repo: str, served: bool) -> None:
    assert matching.serves(agent(repos=globs), repo) is served


@pytest.mark.parametrize(
    ("reserved_for", "fits"),
    [("", True), ("gpu-1", True), ("codex-cli", True), ("codex", True), ("gpu-2", False), ("claude", False)],
)
def test_a_reservation_names_an_agent_or_a_type(reserved_for: str, fits: bool) -> None:
    assert matching.fits(agent(), ClassKey(7, (), reserved_for), "ann/lab") is fits


sets = st.frozensets(st.sampled_from(NAMES))


@given(sets, sets, sets)
def test_more_capabilities_never_hurt_and_more_requirements_never_help(
    offered: frozenset[str], more: frozenset[str], wanted: frozenset[str]
) -> None:
    missing = set(matching.unmet(agent(*offered), sorted(wanted)))
    assert set(matching.unmet(agent(*offered, *more), sorted(wanted))) <= missing
    assert missing <= set(matching.unmet(agent(*offered), sorted(wanted | more)))
    assert missing <= wanted - offered - {"any"}


@given(st.lists(st.sampled_from(["bug", "priority:high", "agent:a", "agent:b", "fleet/done"]), max_size=4))
def test_the_order_and_the_metadata_do_not_matter(labels: list[str]) -> None:
    for order in itertools.permutations(labels):
        assert matching.requirements(order) == matching.requirements(labels)
        assert matching.requirements([*order, "area:web", "kind/bug"]) == matching.requirements(labels)
