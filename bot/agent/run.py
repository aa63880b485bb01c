"""One task, from its claim to its completion."""

import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from bot.adapters.base import Adapter, Exit, Job, Line, Outcome, SessionStarted, Usage, Verdict
from bot.adapters.lines import Lines
from bot.agent.attempts import SUPERSEDED, Attempt
from bot.agent.client import Client, Json
from bot.agent.directories import bring, fresh_directory, write_new
from bot.agent.failures import is_final, is_over, reason_of, reason_of_result
from bot.agent.journal import Entry, Journal
from bot.agent.leftovers import SOURCE_PREFIX
from bot.agent.log import OutgoingLog
from bot.agent.patience import GivenUp, Patience
from bot.agent.receipt import Evidence, receipt_of
from bot.agent.report import Reporter
from bot.core import agent_text as text
from bot.core import cleaning, disclosure, ids
from bot.core.errors import Refused
from bot.core.reasons import Reason
from bot.execution.git import GitFailed, GitTimedOut
from bot.execution.process import Command, Ended, Run, environment
from bot.execution.workspace import Collected, Identity, Workspace

log = structlog.get_logger(__name__)

#: Seconds of waiting for the server at the end of a run, after which its lease is left to run out.
_HAND_IN_SECS: Final = 3600.0
#: Why a run was ended by its own limits.
_LIMITS: Final = {"timeout": Reason.TIMEOUT, "stall": Reason.STALLED}


@dataclass(frozen=True)
class Site:
    """Where runs happen and what they get: the same for every task of this agent."""

    client: Client
    journal: Journal
    workspaces: Path
    agent_id: str
    agent_type: str
    host: str
    adapter: Callable[[], Adapter]
    cli_version: str = ""
    model: str = ""
    secrets: Callable[[], tuple[str, ...]] = tuple
    outside: Mapping[str, str] = field(default_factory=dict, repr=False)
    stall_secs: float = math.inf
    grace_secs: float = 5.0
    report_every_secs: float = 1.0
    patience: Callable[[Attempt], Patience] = lambda attempt: Patience(attempt.over)

    @property
    def author(self) -> Identity:
        return Identity(f"{self.agent_id} (Agent Fleet)", f"{self.agent_id}@agent-fleet.invalid")


class Failed(Exception):
    """The attempt has failed; ``reason`` and a sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def work_on(attempt: Attempt, site: Site) -> bool:
    """Work on a claimed task and tell the server how it ended; or be stopped and say nothing.

    Returns True when the task is out of our hands for good, so that its workspace may go. Raises Refused when the
    server does not accept our token any more, or not even that the attempt has failed.
    """
    run = OneRun(attempt, site)
    try:
        return run.work() in (Verdict.DONE, Verdict.NO_CHANGE)
    except GivenUp:
        log.info("run given up", task=attempt.claim.task_id, why=attempt.stopped_by)
    except Refused as refused:
        if not is_over(refused):
            raise
        log.warning("the attempt is over", task=attempt.claim.task_id, why=refused.reason)
        attempt.stop(SUPERSEDED)
    return False


class OneRun:
    """The steps of one run, in their order in ``work``."""

    def __init__(self, attempt: Attempt, site: Site) -> None:
        self._attempt, self._site, self._claim = attempt, site, attempt.claim
        self._adapter = site.adapter()
        self._patience = site.patience(attempt)
        self._run_id = ids.new("run", time.time())
        self._log = OutgoingLog(self._secrets())
        self._report = Reporter(site.client, attempt, self._log, self._patience, site.report_every_secs)
        self._warm = False
        self._known = Evidence(site.host, site.agent_type, self._adapter.name, site.cli_version, run_id=self._run_id)

    def work(self) -> str:
        """Claimed → source → workspace → run → collect → result → complete. Returns the outcome told last."""
        try:
            completion = self._outcome()
        finally:
            self._log.close()
            self._report.finish()
        self._stopped()
        self._known.log = self._log.facts()
        outcome, answer = self._complete(completion)
        log.info("run over", task=self._claim.task_id, outcome=outcome, state=answer.get("state"))
        return outcome

    def _outcome(self) -> Json:
        try:
            self._report.begin()
            workspace = self._take_workspace()
            self._lay_out_source(workspace)
            job = self._lay_out_job(workspace)
            ended = self._run_command(workspace, job)
            outcome = self._judge(ended, job)
            work = self._collect(workspace, outcome)
            self._send(work)
            return _completion(outcome, work)
        except Failed as failed:
            return _failed(failed.reason, failed.message)
        except Refused as refused:
            if is_final(refused):
                raise
            return _failed(reason_of(refused), str(refused))
        except (GitFailed, GitTimedOut, OSError) as trouble:
            log.exception("run failed", task=self._claim.task_id)
            return _failed(Reason.INFRASTRUCTURE, str(trouble))

    def _take_workspace(self) -> Workspace:
        return Workspace(self._site.workspaces, self._claim.task_id, self._claim.fence)

    def _lay_out_source(self, workspace: Workspace) -> None:
        """Fetch what is missing and lay it out; a workspace that the thin bundle does not fit gets everything."""
        have = workspace.start_sha()
        self._warm = have is not None
        try:
            self._fetch(workspace, have)
        except GitFailed as failed:
            if have is None:
                raise
            log.warning("thin source does not fit; fetching all of it", task=self._claim.task_id, why=str(failed))
            self._fetch(workspace, None)

    def _fetch(self, workspace: Workspace, have: str | None) -> None:
        client, claim = self._site.client, self._claim
        with tempfile.TemporaryDirectory(prefix=SOURCE_PREFIX, dir=self._site.workspaces) as folder:
            bundle = Path(folder) / "source.bundle"
            try:
                start = self._patience.insist(lambda: client.source(claim, have, bundle))
            except Refused as refused:
                if is_final(refused):
                    raise
                # No base branch, for example: nothing the agent could do about, so in the server's words.
                raise Failed(Reason.INFRASTRUCTURE, refused.reason) from refused
            branch = str(claim.task.get("branch") or "work")
            keep = claim.task.get("keep") is True
            workspace.prepare(bundle, start, self._site.author, branch=branch, keep=keep)
        self._known.base_sha = start

    def _lay_out_job(self, workspace: Workspace) -> Job:
        run_dir = fresh_directory(workspace.path / "run")
        task, resumes = self._claim.task, self._resumes
        self._known.prompt = prompt = str(task["resume_instructions"]) if resumes else _instructions(task)
        job = Job(
            prompt=prompt,
            prompt_file=run_dir / "prompt.md",
            workspace=workspace.tree,
            run_dir=run_dir,
            home=workspace.home,
            session=str(task["session"]) if resumes else "",
            resume=resumes,
            model=self._site.model,
            timeout_secs=self._timeout_secs,
        )
        write_new(job.prompt_file, prompt.encode("utf-8", "replace"))
        operator = Path(self._site.outside.get("HOME") or Path.home())
        for name in self._adapter.credentials:
            bring(name, operator, workspace.home)
        for path, content in self._adapter.files(job).items():
            write_new(path, content)
        return job

    def _run_command(self, workspace: Workspace, job: Job) -> Ended:
        site = self._site
        self._known.argv = self._adapter.argv(job)
        named = {name: site.outside[name] for name in self._adapter.passed_through if name in site.outside}
        command = Command(
            argv=self._known.argv,
            cwd=workspace.tree,
            run_id=self._run_id,
            env=environment(workspace.home, workspace.tmp, named | self._adapter.environment(job), site.outside),
            prompt=self._adapter.stdin(job),
            timeout_secs=job.timeout_secs,
            stall_secs=site.stall_secs,
            grace_secs=site.grace_secs,
        )
        run = Run(command)
        # On disk before anything is started: our next life ends what carries this run's marker.
        site.journal.write(Entry(self._claim.task_id, self._claim.fence, self._run_id, open=True, at=time.time()))
        self._attempt.runs(run)
        try:
            ended = self._heard(run)
        finally:
            self._attempt.runs(None)
        self._known.ended = ended
        if ended.left:
            log.error("processes that could not be ended", task=self._claim.task_id, pids=ended.left)
        return ended

    def _heard(self, run: Run) -> Ended:
        lines = Lines(self._adapter.max_line_bytes)

        def on_output(stream: str, chunk: bytes) -> None:
            for line in lines.feed(stream, chunk):
                self._hear(line)
            self._report.logged()

        ended = run.run(on_output)
        for line in lines.end():
            self._hear(line)
        return ended

    def _hear(self, line: Line) -> None:
        self._log.add(line)
        for said in self._adapter.feed(line):
            if isinstance(said, Usage):
                self._known.usage.append(said)
            if isinstance(said, SessionStarted):
                self._known.session = said.session
            self._report.hear(said)

    def _judge(self, ended: Ended, job: Job) -> Outcome:
        """What the run came to. Raises GivenUp when it was stopped from outside, Failed when it did not go well."""
        self._stopped()
        files = {path: found for path in self._adapter.reads(job) if (found := _ordinary(path)) is not None}
        outcome = self._adapter.finish(Exit(ended.exit_code, ended.signal, files))
        self._known.outcome = outcome
        self._known.usage.extend(outcome.usage)
        self._known.session = outcome.session or self._known.session or job.session
        if ended.killed_by is not None:
            secs = self._timeout_secs if ended.killed_by == "timeout" else self._site.stall_secs
            reason = _LIMITS.get(ended.killed_by, Reason.KILLED)
            raise Failed(reason, text.run_ended_by_us(ended.killed_by, secs))
        if outcome.verdict is Verdict.FAILED:
            raise Failed(outcome.reason or Reason.AGENT_FAILED, outcome.message)
        return outcome

    def _collect(self, workspace: Workspace, outcome: Outcome) -> Collected | None:
        if outcome.verdict is Verdict.QUESTION:
            return None
        task = self._claim.task
        # People's words: in a commit's message the forge obeys them ("closes #3", "@name", "other/repo#4").
        title = cleaning.defanged(cleaning.one_line(str(task.get("title") or "")))
        trailers = disclosure.trailers(self._claim.task_id, self._claim.fence, self._site.agent_type)
        work = workspace.collect(title or text.untitled_work(), self._site.author, trailers)
        self._known.work = work
        return work

    def _send(self, work: Collected | None) -> None:
        if work is None:
            return
        client, claim = self._site.client, self._claim
        try:
            found = self._patience.insist(lambda: client.result(claim, work.bundle), _HAND_IN_SECS)
        except Refused as refused:
            if is_final(refused):
                raise
            # What to do about it was said to us; people get what happened.
            raise Failed(reason_of_result(refused), refused.reason) from refused
        log.info("result handed in", task=claim.task_id, head=found.get("head_sha"), note=work.note)

    def _complete(self, completion: Json) -> tuple[str, Json]:
        """The last word; a receipt the server contradicts makes it a failure."""
        client, claim = self._site.client, self._claim
        outcome = self._known.outcome
        full = {
            **completion,
            "receipt": receipt_of(claim, self._known),
            "session": self._known.session if ids.usable_session(self._known.session) else "",
            "start_afresh": outcome is not None and outcome.start_afresh,
        }
        try:
            return full["outcome"], self._patience.insist(lambda: client.complete(claim, full), _HAND_IN_SECS)
        except Refused as refused:
            if is_final(refused) or completion["outcome"] == Verdict.FAILED.value:
                raise
            failed = {**full, **_failed(reason_of(refused), refused.reason)}
            return failed["outcome"], self._patience.insist(lambda: client.complete(claim, failed), _HAND_IN_SECS)

    @property
    def _resumes(self) -> bool:
        """Whether the run goes on with the session of an earlier one: its directory, where that lies, must be here."""
        task = self._claim.task
        named = ids.usable_session(task.get("session"))
        return bool(named and task.get("resume_instructions") and self._warm and self._adapter.can_resume)

    def _stopped(self) -> None:
        if self._report.refused is not None and self._report.refused.status == 401:
            raise self._report.refused
        if self._attempt.stopped_by is not None:
            raise GivenUp

    @property
    def _timeout_secs(self) -> float:
        said = self._claim.task.get("timeout_secs")
        return float(said) if isinstance(said, int | float) and said > 0 else 3600.0

    def _secrets(self) -> tuple[str, ...]:
        outside = self._site.outside
        return (*self._site.secrets(), *(outside[n] for n in self._adapter.passed_through if n in outside))


def _instructions(task: Json) -> str:
    """The server's prompt; from one that makes none, the issue's text."""
    said = task.get("instructions")
    return said if isinstance(said, str) and said else text.bare_task(str(task.get("title") or ""), str(task["prompt"]))


def _completion(outcome: Outcome, work: Collected | None) -> Json:
    """What to tell: the facts of git decide between done and nothing to do."""
    if outcome.verdict is Verdict.QUESTION:
        return {"outcome": Verdict.QUESTION.value, "message": outcome.message}
    if work is not None:
        said = outcome.message
        if outcome.verdict is Verdict.NO_CHANGE:
            said = text.changed_all_the_same(outcome.message)
        return {"outcome": Verdict.DONE.value, "message": said}
    if outcome.message:
        return {"outcome": Verdict.NO_CHANGE.value, "message": outcome.message}
    return _failed(Reason.EMPTY_OUTPUT, text.nothing_changed())


def _failed(reason: Reason, message: str) -> Json:
    return {"outcome": Verdict.FAILED.value, "reason": reason.value, "message": message}


def _ordinary(path: Path) -> bytes | None:
    """What a run left in a file of its own, at most 16 MiB; None for anything but an ordinary file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None  # it left none, or something else in its place: the adapter judges without
    with os.fdopen(fd, "rb") as file:
        return file.read(16 * 1024 * 1024) if stat.S_ISREG(os.fstat(fd).st_mode) else None
