"""From an issue's labels and their history to what becomes of its task."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core import matching, triggers
from bot.core import task as tasks
from bot.core.events import Approved, Cancelled, Rerouted, TaskCreated, TaskRequested
from bot.core.facts import Account, Issue, LabelEntry, Right
from bot.core.states import State
from bot.core.task import Task
from bot.core.triggers import ArmLabelGrace, Decision, Start, Step, decide
from tests.unit.core.samples import OPENED, a_task

ANN = Account(3, "ann")  # writes
EVE = Account(4, "eve")  # does not
RIGHTS = {ANN.id: Right.WRITE, EVE.id: Right.READ}


class Story:
    """An issue, its timeline and its task; every step is looked at and taken, as the service does."""

    def __init__(self) -> None:
        self.entries: list[LabelEntry] = []
        self.labels: frozenset[str] = frozenset()
        self.is_open = True
        self.task: Task | None = None
        self.causes: set[str] = set()

    def add(self, who: Account, label: str) -> "Story":
        self.entries.append(LabelEntry(100 + len(self.entries), label, True, who, 0.0))
        self.labels |= {label}
        return self

    def remove(self, who: Account, label: str) -> "Story":
        self.entries.append(LabelEntry(100 + len(self.entries), label, False, who, 0.0))
        self.labels -= {label}
        return self

    @property
    def issue(self) -> Issue:
        return Issue(7, 12, "Fix it", "", ANN, self.labels, self.is_open, 0.0, 0.0, "")

    def decisions(self, *, grace_over: bool = False, entries: Sequence[LabelEntry] | None = None) -> list[Decision]:
        seen = self.entries if entries is None else entries
        return decide(self.issue, seen, RIGHTS, self.task, grace_over=grace_over)

    def look(self, *, grace_over: bool = False) -> list[Decision]:
        """Decides and takes the steps, each cause once."""
        made = self.decisions(grace_over=grace_over)
        for decision in made:
            if isinstance(decision, ArmLabelGrace) or decision.cause in self.causes:
                continue
            self.causes.add(decision.cause)
            if isinstance(decision, Start):
                self._start(decision)
            elif self.task:
                self.task = tasks.apply(self.task, "t_1", decision.event, 1.0, self.task.version + 1)
        return made

    def _start(self, start: Start) -> None:
        kind = TaskCreated if start.right.may_write else TaskRequested
        fields = OPENED | {
            "requirements": matching.requirements(self.labels),
            "label_entry": triggers.newest_entry(self.entries),
        }
        self.task = tasks.apply(None, "t_1", kind(**fields), 1.0, 1)

    @property
    def state(self) -> State | None:
        return self.task.state if self.task else None


def test_a_writers_label_starts() -> None:
    story = Story().add(ANN, "bug").add(ANN, "agent:rust")
    assert story.look() == [Start("label:7:101", ANN, Right.WRITE)]
    assert story.state is State.QUEUED


def test_an_outsiders_label_only_asks() -> None:
    story = Story().add(EVE, "agent:rust")
    assert story.look() == [Start("label:7:100", EVE, Right.READ)]
    assert story.state is State.REQUESTED


def test_a_maintainers_unrelated_label_never_starts_what_an_outsider_asked_for() -> None:
    story = Story().add(EVE, "agent:rust")
    story.look()
    story.add(ANN, "bug").look()
    assert story.state is State.REQUESTED
    late = Story().add(EVE, "agent:rust").add(ANN, "bug")
    late.look()
    assert late.state is State.REQUESTED, "also when both are seen at once"


def test_unknown_rights_are_none() -> None:
    story = Story().add(Account(99, "who"), "agent:rust")
    story.look()
    assert story.state is State.REQUESTED


def test_a_writers_label_counts_before_an_outsiders_newer_one() -> None:
    story = Story().add(ANN, "agent:rust").add(EVE, "agent:gpu")
    assert story.look() == [Start("label:7:100", ANN, Right.WRITE)]


@pytest.mark.parametrize("end", [State.DONE, State.FAILED, State.CANCELLED])
def test_a_label_that_stays_never_starts_twice(end: State) -> None:
    story = Story().add(ANN, "agent:rust")
    story.look()
    assert story.task is not None
    story.task = replace(story.task, state=end)
    assert story.look() == []
    story.add(ANN, "bug")
    assert story.look() == []
    story.remove(ANN, "agent:rust").add(ANN, "agent:rust")
    assert story.decisions() == [Start("label:7:103", ANN, Right.WRITE)], "set again, it asks again"


def test_exchanging_the_label_only_routes_anew() -> None:
    story = Story().add(ANN, "agent:rust")
    story.look()
    story.remove(ANN, "agent:rust")
    assert story.look() == [ArmLabelGrace()]
    story.add(ANN, "agent:gpu").add(ANN, "priority:high")
    assert story.look(grace_over=True) == [Step("routed:t_1:1", Rerouted(("gpu",), 0, 102), "forge")]
    assert story.state is State.QUEUED
    assert story.look() == [], "asked again, there is nothing to do"


def test_a_removed_label_cancels_after_the_grace() -> None:
    story = Story().add(ANN, "agent:rust")
    story.look()
    story.remove(ANN, "agent:rust")
    assert story.look() == [ArmLabelGrace()]
    assert story.look(grace_over=True) == [Step("unlabelled:t_1:1", Cancelled("label_removed", "ann"), "person:ann")]
    assert story.state is State.CANCELLED
    assert story.look(grace_over=True) == []


def test_a_writer_who_sets_the_label_again_approves() -> None:
    story = Story().add(EVE, "agent:rust")
    story.look()
    story.remove(ANN, "agent:rust").look()
    story.add(ANN, "agent:rust")
    made = story.look()
    assert [type(x.event) for x in made if isinstance(x, Step)] == [Rerouted, Approved]
    assert story.state is State.QUEUED


def test_an_outsider_who_sets_the_label_again_does_not() -> None:
    story = Story().add(EVE, "agent:rust")
    story.look()
    story.remove(EVE, "agent:rust").add(EVE, "agent:rust").look()
    assert story.state is State.REQUESTED


@pytest.mark.parametrize("state", [s for s in State if not s.final and s is not State.REVIEW])
def test_a_closed_issue_cancels_what_is_not_in_review(state: State) -> None:
    story = Story().add(ANN, "agent:rust")
    story.task, story.is_open = a_task(state, label_entry=100), False
    assert story.decisions() == [Step("closed:t_1:1", Cancelled("issue_closed", ""), "forge")]


@pytest.mark.parametrize("grace_over", [False, True])
def test_in_review_the_pull_request_decides(grace_over: bool) -> None:
    story = Story().add(ANN, "agent:rust").remove(ANN, "agent:rust")
    story.task = a_task(State.REVIEW, label_entry=100)
    assert story.decisions(grace_over=grace_over) == []
    story.is_open = False
    assert story.decisions(grace_over=grace_over) == []


def test_closed_and_opened_again_needs_a_new_label() -> None:
    story = Story().add(ANN, "agent:rust")
    story.is_open = False
    assert story.look() == [], "a closed issue starts nothing"
    story.is_open = True
    assert [type(x) for x in story.look()] == [Start]
    story.is_open = False
    story.look()
    story.is_open = True
    assert story.look() == []
    assert story.state is State.CANCELLED


def test_a_task_made_by_the_api_does_not_live_by_its_labels() -> None:
    story = Story().add(ANN, "bug")
    story.task = a_task(State.QUEUED, trigger="api", label_entry=100)
    assert story.decisions(grace_over=True) == []


def test_a_label_without_a_line_in_the_timeline_starts_nothing() -> None:
    story = Story()
    story.labels = frozenset({"agent:rust"})
    assert story.decisions() == []


HISTORY = (
    (EVE, "agent:rust", True),
    (ANN, "agent:rust", False),
    (ANN, "agent:rust", True),
    (ANN, "bug", True),
    (EVE, "agent:gpu", True),
)


def test_the_order_in_which_facts_come_does_not_matter() -> None:
    story = Story()
    for who, label, added in HISTORY:
        (story.add if added else story.remove)(who, label)
    wanted = story.decisions()
    for order in itertools.permutations(story.entries):
        assert story.decisions(entries=order) == wanted


def test_however_often_it_is_looked_the_end_is_the_same() -> None:
    """After every deed somebody may look, or nobody, or twice (a replay): the task ends alike."""
    ends = set()
    for looks in itertools.product((0, 1, 2), repeat=len(HISTORY)):
        story = Story()
        for (who, label, added), times in zip(HISTORY, looks, strict=True):
            (story.add if added else story.remove)(who, label)
            for _ in range(times):
                story.look()
        story.look()
        assert story.task is not None
        ends.add((story.state, story.task.requirements, story.task.priority, story.task.label_entry))
    assert ends == {(State.QUEUED, ("gpu", "rust"), 1, 104)}
