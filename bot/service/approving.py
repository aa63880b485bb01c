"""What `/fleet approve` lets go on: a request, or a task that waits at a gate; bound to exactly what was approved."""

from bot.core import cleaning, command_text, gate_text, gates, triggers
from bot.core import events as e
from bot.core.errors import Refused
from bot.core.facts import Issue
from bot.core.states import State
from bot.core.task import Task
from bot.service import budgets
from bot.service import gates as service_gates
from bot.service.fleet import Step
from bot.service.record import record
from bot.store import bodies, forge_facts, log


class Approval:
    """One person's approval of one task. ``text_sha256`` is what the issue said when they wrote it, "" = not known;
    ``written_at`` the forge's time of that, 0 = just now.
    """

    def __init__(self, step: Step, task: Task, issue: Issue, by: str, *, text_sha256: str, written_at: float) -> None:
        self.step, self.task, self.issue, self.by = step, task, issue, by
        self._text_sha256, self._written_at = text_sha256, written_at

    def give(self, note: str, commit: str, cause: str) -> None:
        """Raises Refused when it is not certain that this is what the person has seen."""
        held = [x for x in self.task.holds if gates.is_gate(x)]
        if self.task.state is State.HELD and gates.PATHS in held:
            self._publish(commit, cause)
            return
        if commit:
            raise Refused(gate_text.no_commit_waits())
        if self.task.state is State.HELD and held:
            self._let_go(held, cause)
            return
        prompt, kept = self._prompt(note)
        self._record(e.Approved(self.by, prompt, kept), cause)

    def _publish(self, commit: str, cause: str) -> None:
        """The kept result is accepted after all: branch and pull request follow."""
        if not commit:
            raise Refused(gate_text.name_the_commit(self.task.kept_sha))
        if not self.task.kept_sha.startswith(commit.lower()):
            raise Refused(gate_text.another_commit(commit, self.task.kept_sha))
        kept = service_gates.kept(self.step.sql, self.task)
        self._record(e.GateApproved(gates.PATHS, self.by, sha=kept.head_sha), cause)
        accepted = e.ResultAccepted(
            fence=kept.fence,
            base_sha=kept.base_sha,
            head_sha=kept.head_sha,
            commits=kept.commits,
            files_changed=kept.files_changed,
            insertions=kept.insertions,
            deletions=kept.deletions,
            patch_sha256=kept.patch_sha256,
            summary_sha256=kept.summary_sha256,
            receipt_sha256=kept.receipt_sha256,
        )
        self._record(accepted, f"{cause}:published")

    def _let_go(self, held: list[str], cause: str) -> None:
        """All gates that hold it now; what else holds it stays."""
        self._check_when()
        for n, gate in enumerate(held):
            self._record(self._approved(gate), f"{cause}:gate{n}" if n else cause)
        for n, gate in enumerate(held):
            last = set(self.task.holds) <= {gate}
            self._record(e.Released() if last else e.HoldLifted(gate), f"{cause}:lifted{n}")

    def _approved(self, gate: str) -> e.GateApproved:
        if gate == gates.COST:
            wanted = service_gates.of(self.step.fleet, self.step.sql, self.task.repo_id)
            took = budgets.of_task(self.step.sql, self.task.id)
            return e.GateApproved(gate, self.by, usd=gates.next_amount(wanted, took))
        prompt, _ = self._prompt("")
        return e.GateApproved(gate, self.by, prompt_sha256=prompt)

    def _check_when(self) -> None:
        """A comment that was found late must not approve what came to wait only after it was written."""
        placed = [
            x.at
            for x in log.of_task(self.step.sql, self.task.id)
            if isinstance(x.event, e.HoldPlaced) and gates.is_gate(x.event.hold)
        ]
        if self._written_at and placed and self._written_at < int(placed[-1]):
            raise Refused(gate_text.said_before_it_waited())

    def _prompt(self, note: str) -> tuple[str, str]:
        """Digests of the issue's text with its notes as it stands now, and of the notes. Raises Refused."""
        if not self._was_read():
            raise Refused(command_text.changed_before_approval())
        sql = self.step.sql
        notes = [x for x in (bodies.get(sql, self.task.note_sha256), cleaning.readable(note).strip()) if x]
        prompt = triggers.with_note(triggers.asked_text(self.issue.title, self.issue.body), "\n\n".join(notes))
        return bodies.put(sql, prompt), bodies.put(sql, "\n\n".join(notes)) if notes else ""

    def _was_read(self) -> bool:
        """Whether the issue says now what it said when the approval was written."""
        now = cleaning.digest(triggers.asked_text(self.issue.title, self.issue.body))
        if self._text_sha256:
            return self._text_sha256 == now
        seen, since = forge_facts.text_since(self.step.sql, self.issue.repo_id, self.issue.number)
        return seen == now and since < self._written_at

    def _record(self, event: e.Event, cause: str) -> None:
        self.task = record(self.step, self.task, event, cause=cause, actor=f"person:{self.by}")
