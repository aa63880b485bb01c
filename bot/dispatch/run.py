"""One attempt on a host, from its claim until the host has nothing left of it.

Every step may be taken again by the next life of the orchestrator: the run's id comes from task and fence, a host
never starts an id twice, and what is told to the fleet twice changes nothing.
"""

import contextlib
import re
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from bot.adapters.base import Exit, Outcome, Verdict
from bot.adapters.registry import adapter
from bot.agent.client import Claim
from bot.agent.failures import is_over, reason_of, reason_of_result
from bot.agent.log import OutgoingLog
from bot.agent.receipt import Evidence, receipt_of
from bot.core import agent_text, cleaning, disclosure, host_text, ids, modes
from bot.core.errors import Refused
from bot.core.reasons import Reason
from bot.dispatch.contact import Contact, Leaving, Superseded, Vanished
from bot.dispatch.endings import Failed, completion, ended_by_us, failed
from bot.dispatch.job import begin, host_job, layout, templates
from bot.dispatch.leftovers import end_on, run_id_of
from bot.dispatch.listening import Listener
from bot.dispatch.site import HostSite
from bot.execution.git import GitFailed, GitTimedOut
from bot.execution.host_errors import AuthRefused, HostBroken, HostKeyProblem, Unreachable
from bot.execution.host_workspace import HostWorkspace
from bot.execution.hosts import Kind, RunState, SeenRun
from bot.execution.process import Ended
from bot.execution.workspace import Collected, Identity
from bot.service import claims, reports
from bot.service.fleet import Fleet, Step
from bot.service.prompts import Instructions
from bot.service.reports import Completion
from bot.settings.hosts import HostAgent
from bot.store import Sql, attempts, host_runs, run_logs
from bot.store.attempts import Attempt

log = structlog.get_logger(__name__)

#: A run should end itself when its time is up; if it does not, we do after this much longer.
_OVERTIME_SECS: Final = 120.0
#: The operator took the agent away: nobody's failure, somebody else may have the task.
_NOT_CONFIGURED: Final = "not_configured"
_SIGN_EVERY_SECS: Final = 15.0
_MAX_FILE: Final = 16 * 1024 * 1024
#: Variables whose value is worth hiding, by their name.
_SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


class Supervised:
    """Watches over ``attempt`` on the host of ``site``. ``stopping`` ends all waiting; the run itself goes on then."""

    def __init__(self, fleet: Fleet, site: HostSite, attempt: Attempt, stopping: threading.Event) -> None:
        self._fleet, self._site, self._attempt = fleet, site, attempt
        self._contact = Contact(fleet, site, attempt, stopping)
        self._grace_secs = fleet.settings.orchestrator.stop_grace_secs
        self._task_id, self._fence, self._agent = attempt.task_id, attempt.fence, attempt.agent
        self._run_id = run_id_of(attempt.task_id, attempt.fence)
        self._ended = False

    def carry_out(self) -> None:
        """Claimed → source → workspace → start → listen → judge → collect → result → complete → clear away.

        Raises Refused and Unavailable while the host keeps what there is of a run that is over: to be tried again.
        """
        why = "over"
        try:
            self._contact.still_ours()
            self._work()
        except Leaving:
            return
        except Superseded:
            why = "superseded"
        self._clear_away(why)

    def give_up(self) -> None:
        """Nothing more can be made of this attempt, whatever was wrong: it has failed, and its run is to be ended."""
        with contextlib.suppress(Leaving, Superseded):
            self._fail_plainly(Reason.INFRASTRUCTURE, host_text.supervisor_failed(self._run_id))

    # --- the steps ----------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._claim = Claim(self._fleet.read(self._told_of_it), self._fence)
        except Refused as refused:  # the repository's prompt was spoilt since the claim
            self._fail_plainly(reason_of(refused), refused.reason)
            return
        try:
            self._complete(self._outcome())
        except Vanished as lost:
            log.warning("a run is lost", run=self._run_id, host=self._site.name, why=lost.why)
            self._contact.tell(
                lambda: reports.lost(self._fleet, self._agent, self._task_id, self._fence, self._silent_secs())
            )

    def _outcome(self) -> Completion:
        agent_type = self._attempt.agent_type
        self._known = Evidence(self._site.name, agent_type, agent_type, run_id=self._run_id, mode=modes.SSH_CLI)
        try:
            self._lay_out()
            if self._is_there():
                log.info("run adopted", run=self._run_id, host=self._site.name)
                self._known.base_sha = self._attempt.base_sha
            else:
                self._set_off()
            state = self._listen()
            outcome = self._judge(state)
            work = self._collect(outcome)
            return completion(outcome, work)
        except Failed as bad:
            return failed(bad.reason, bad.message)
        except Unreachable as away:  # before anything was started: nothing is lost, another host may do it
            return failed(Reason.HANDED_BACK, away.what)
        except (AuthRefused, HostKeyProblem) as refused:
            return failed(Reason.HANDED_BACK, refused.reason)
        except HostBroken as broken:
            handed_back = broken.is_infrastructure and not self._ended
            return failed(Reason.HANDED_BACK if handed_back else reason_of(broken), broken.reason)
        except Refused as refused:
            if is_over(refused):
                raise Superseded from refused
            if refused.kind == _NOT_CONFIGURED:
                return failed(Reason.HANDED_BACK, refused.reason)
            return failed(reason_of(refused), refused.reason)
        except (GitFailed, GitTimedOut, OSError) as trouble:
            log.exception("run failed", run=self._run_id)
            return failed(Reason.INFRASTRUCTURE, str(trouble))

    def _lay_out(self) -> None:
        """What the run is, as far as it can be said without asking the host: the same in every life of ours."""
        work, host, model = self._claim.task, self._site.host, self._configured().model
        self._adapter = adapter(self._attempt.agent_type, templates(self._fleet.settings.adapters))
        self._known.adapter = self._adapter.name
        self._space = HostWorkspace(
            host, f"{work['repo_id']}-{work['issue']}-{self._task_id}", self._fence, self._site.hooks
        )
        self._job = layout(self._adapter, work, host.run_dir(self._run_id), self._space, model)
        self._known.argv, self._known.prompt = self._adapter.argv(self._job), self._job.prompt

    def _is_there(self) -> bool:
        if self._kept() is None:
            return False
        return self._contact.host(lambda host: host.status(self._run_id)).kind is not Kind.UNKNOWN

    def _set_off(self) -> None:
        """Lay everything out on the host and start the agent there."""
        self._contact.progress(reports.Progress("running"))
        who = (self._agent, self._task_id, self._fence)
        task, start = self._contact.world(lambda: reports.start_of(self._fleet, *who))
        self._known.base_sha = start
        self._end_earlier()
        mirror = self._fleet.mirror(self._fleet.repo(task.repo_id))
        repository = str(task.repo_id)
        self._contact.briefly(lambda _: self._space.supply(mirror, repository, start))
        keep = self._claim.task["keep"] is True
        self._contact.briefly(
            lambda _: self._space.prepare(repository, start, self._author, branch=task.branch, keep=keep)
        )
        job = host_job(
            self._adapter, self._job, self._space, self._configured(),
            run_id=self._run_id, fence=self._fence, grace_secs=self._grace_secs,
            max_log_bytes=self._fleet.settings.orchestrator.max_run_log_bytes,
        )  # fmt: skip
        # On disk before anything is started: our next life adopts or ends what may be there.
        self._fleet.step(lambda step: begin(step, self._attempt, self._site.name, job, self._job.prompt))
        self._contact.host(lambda host: host.start(job), mends=True)
        log.info("run started", run=self._run_id, host=self._site.name, agent=self._agent)

    def _listen(self) -> RunState:
        """Hears the run until it is over. Raises Vanished when it is lost."""
        listener = self._listener()
        look, signed_at = 0, time.monotonic()
        while True:
            look, runs = self._contact.await_host(lambda seen=look: self._site.watch.next(seen))  # type: ignore[misc]
            seen = runs.get(self._run_id)
            if seen is None:  # a look from before its start, or it has been taken away
                seen = self._looked_at()
            over = seen.state.kind is not Kind.RUNNING
            if over:
                seen = self._last_sizes(seen)
            listener.read(seen)
            if over:
                listener.end()
                return self._end_of(seen.state)
            self._end_if_overdue(listener)
            if time.monotonic() - signed_at > _SIGN_EVERY_SECS:
                signed_at = time.monotonic()
                self._contact.progress(reports.Progress("progress"))

    def _judge(self, state: RunState) -> Outcome:
        """What the run came to. Raises Failed when it did not go well."""
        started, now = self._started_at(), self._fleet.clock()
        self._known.ended = Ended(
            state.exit_code, state.signal, state.killed_by, started, now, state.silent_secs or 0, 0, state.left
        )
        files = {path: data for path in self._adapter.reads(self._job) if (data := self._left_file(path)) is not None}
        outcome = self._adapter.finish(Exit(state.exit_code, state.signal, files))
        self._known.outcome = outcome
        self._known.usage.extend(outcome.usage)
        self._known.session = outcome.session or self._known.session or self._job.session
        if state.left:
            log.error("processes that could not be ended", run=self._run_id, host=self._site.name, pids=state.left)
        if state.killed_by is not None:
            raise ended_by_us(
                state.killed_by, self._site.name, self._job.timeout_secs, self._fleet.settings.orchestrator
            )
        if outcome.verdict is Verdict.FAILED:
            raise Failed(outcome.reason or Reason.AGENT_FAILED, outcome.message)
        return outcome

    def _collect(self, outcome: Outcome) -> Collected | None:
        """The agent's commits, checked and kept by us; None when there are none."""
        if outcome.verdict is Verdict.QUESTION:
            return None
        # People's words: in a commit's message the forge obeys them ("closes #3", "@name", "other/repo#4").
        title = cleaning.defanged(cleaning.one_line(str(self._claim.task.get("title") or "")))
        trailers = disclosure.trailers(self._task_id, self._fence, self._attempt.agent_type)
        incoming = self._fleet.data_dir / "incoming"
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        bundle = incoming / f"{self._run_id}.bundle"
        try:
            message = title or agent_text.untitled_work()
            work = self._contact.host(lambda _: self._space.collect(bundle, message, self._author, trailers))
            self._known.work = work
            if work is not None:
                self._take_in(bundle)
            return work
        finally:
            bundle.unlink(missing_ok=True)

    def _take_in(self, bundle: Path) -> None:
        try:
            who = (self._agent, self._task_id, self._fence)
            self._contact.world(lambda: reports.result(self._fleet, *who, bundle))
        except Refused as refused:
            if is_over(refused):
                raise
            raise Failed(reason_of_result(refused), refused.reason) from refused

    def _complete(self, said: Completion) -> None:
        """The last word; a receipt that the facts contradict makes it a failure."""
        self._contact.still_ours()
        self._known.log = self._log_facts()
        receipt = receipt_of(self._claim, self._known)
        who = (self._agent, self._task_id, self._fence)
        session = self._known.session if ids.usable_session(self._known.session) else ""
        afresh = self._known.outcome is not None and self._known.outcome.start_afresh
        full = replace(said, receipt=receipt, session=session, start_afresh=afresh)
        try:
            self._contact.tell(lambda: reports.complete(self._fleet, *who, full))
        except Refused as refused:
            if said.outcome == Verdict.FAILED.value:
                raise
            reason = reason_of(refused).value
            worse = replace(full, outcome=Verdict.FAILED.value, reason=reason, message=refused.reason)
            self._contact.tell(lambda: reports.complete(self._fleet, *who, worse))
        log.info("run over", run=self._run_id, host=self._site.name, outcome=said.outcome, reason=said.reason)

    def _fail_plainly(self, reason: Reason, message: str) -> None:
        """The last word when there is nothing to show for it."""
        said = failed(reason, message)
        self._contact.tell(lambda: reports.complete(self._fleet, self._agent, self._task_id, self._fence, said))
        log.warning("run given up", run=self._run_id, host=self._site.name, reason=message)

    def _clear_away(self, why: str) -> None:
        """Nothing of the run is left on its host when this returns; of the workspace, what the next attempt needs."""
        if self._kept() is None:
            return
        if self._ended:
            self._site.ask(lambda host: host.remove(self._run_id))
        else:
            self._site.ask(lambda host: end_on(host, self._run_id, why, self._grace_secs))
        self._fleet.store.write(lambda sql: host_runs.end(sql, self._task_id, self._fence))

    # --- what the steps are made of -----------------------------------------------------------------------

    def _listener(self) -> Listener:
        kept = self._kept()
        if kept is None:
            raise Superseded
        attempt = self._fleet.read(lambda sql: attempts.get(sql, self._task_id, self._fence))
        position = attempt.log_bytes if attempt else 0
        secrets = (*self._fleet.settings.secrets(), *self._agents_secrets())
        return Listener(
            self._run_id,
            self._adapter,
            self._known,
            kept,
            OutgoingLog(secrets, position),
            self._contact.host,
            self._contact.progress,
        )

    def _agents_secrets(self) -> tuple[str, ...]:
        """What the host gives this agent to log in with."""
        agent = self._configured()
        variables = {name for name in (*self._adapter.inherits, *agent.env) if _SECRET.search(name)}
        files = tuple(agent.env_files.values())
        if not (variables or files):
            return ()
        return self._contact.host(lambda host: host.values(sorted(variables), files))

    def _looked_at(self) -> SeenRun:
        state = self._contact.host(lambda host: host.status(self._run_id))
        if state.kind is Kind.UNKNOWN:
            raise Vanished("gone")
        return SeenRun(self._run_id, self._space.key, 0, 0, state)

    def _last_sizes(self, seen: SeenRun) -> SeenRun:
        """The sizes after its end: a look may have been a moment too early."""
        if seen.state.kind is Kind.LOST and seen.state.why == "boot":
            return seen
        out, err = (
            self._contact.host(lambda host, name=name: host.tail(self._run_id, name, 0, 0)).size  # type: ignore[misc]
            for name in ("stdout", "stderr")
        )
        return SeenRun(seen.run_id, seen.workspace, out, err, seen.state)

    def _end_of(self, state: RunState) -> RunState:
        if state.kind is Kind.LOST:
            raise Vanished(state.why)
        self._ended = True
        return state

    def _end_if_overdue(self, listener: Listener) -> None:
        stall = self._fleet.settings.orchestrator.stall_timeout_secs
        if stall and time.monotonic() - listener.grown_at > stall:
            self._contact.host(lambda host: host.stop(self._run_id, "stall", self._grace_secs))
        elif self._fleet.clock() - self._started_at() > self._job.timeout_secs + _OVERTIME_SECS:
            self._contact.host(lambda host: host.stop(self._run_id, "timeout", self._grace_secs))

    def _end_earlier(self) -> None:
        """Runs of earlier attempts that this host may still have: the workspace is ours now."""
        rows = self._fleet.read(lambda sql: host_runs.earlier(sql, self._task_id, self._fence, self._site.name))
        for row in rows:
            run_id = run_id_of(row.task_id, row.fence)
            self._contact.briefly(partial(end_on, run_id=run_id, why="superseded", grace_secs=self._grace_secs))
            self._fleet.store.write(lambda sql, of=row: host_runs.end(sql, of.task_id, of.fence))  # type: ignore[misc]

    def _left_file(self, path: Path) -> bytes | None:
        """What the run left in its own folder, at most 16 MiB; None when it is not there."""
        data = b""
        while len(data) < _MAX_FILE:
            try:
                at = len(data)
                piece = self._contact.host(lambda host, at=at: host.tail(self._run_id, f"file.{path.name}", at))  # type: ignore[misc]
            except HostBroken as broken:
                if broken.kind == "no_file":
                    return None
                raise
            data += piece.data
            if not piece.data or len(data) >= piece.size:
                break
        return data

    def _log_facts(self) -> dict[str, object]:
        sha256, size = self._fleet.read(lambda sql: run_logs.digest(sql, self._task_id, self._fence))
        return {"sha256": sha256, "bytes": size}

    def _told_of_it(self, sql: Sql) -> dict[str, Any]:
        step = Step(self._fleet, sql, self._fleet.clock())
        task = step.task(self._task_id)
        begun = host_runs.get(sql, self._task_id, self._fence) is not None
        told = Instructions("") if begun else None  # it has its prompt already
        return claims.work_of(step, task, told) | {"repo_id": task.repo_id}

    def _kept(self) -> host_runs.HostRun | None:
        return self._fleet.read(lambda sql: host_runs.get(sql, self._task_id, self._fence))

    def _started_at(self) -> float:
        kept = self._kept()
        return kept.started_at if kept else self._attempt.claimed_at

    def _silent_secs(self) -> int:
        return max(0, round(self._fleet.clock() - self._attempt.last_sign_at))

    def _configured(self) -> HostAgent:
        """This agent's entry. Raises Refused when the configuration does not name it any more."""
        entry = self._site.entry
        for agent in entry.agents:
            if entry.agent_id(agent) == self._agent:
                return agent
        raise Refused(host_text.agent_is_not_configured(self._agent), "", 422, _NOT_CONFIGURED)

    @property
    def _author(self) -> Identity:
        return Identity(f"{self._agent} (Agent Fleet)", f"{self._agent}@agent-fleet.invalid")
