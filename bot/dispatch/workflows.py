"""Agents that are jobs of Forgejo Actions: starting a workflow for a task, and following its run to the end.

The job works as a pull agent: its own reports and heartbeats tell how the task goes. What is told here is what only
the forge knows: that nobody takes the run, that it ended without a word, that somebody cancelled it.
"""

import contextlib
import uuid
from typing import Final

import structlog

from bot.core import actions_text as text
from bot.core import modes
from bot.core.errors import Refused, Unavailable
from bot.core.reasons import Reason
from bot.forge import Missing, RepoRef
from bot.forge.actions import RunSeen
from bot.service import claims, display, follows, host_agents, operations, reports
from bot.service.fleet import Fleet, Step, ref
from bot.service.reports import Completion
from bot.settings.hosts import HostEntry
from bot.store import agents, attempts, tasks, workflow_runs
from bot.store.agents import Agent
from bot.store.attempts import Attempt
from bot.store.workflow_runs import APPROVAL, ENDING, RUNNER, RUNNING, WorkflowRun

log = structlog.get_logger(__name__)

#: A workflow that cannot be started after so many tries is not tried again for this attempt.
_TRIES: Final = 3
_SEEN_EVERY_SECS: Final = 30.0


class WorkflowDispatcher:
    """One per database, in the worker. ``turn`` does what is due and returns how much that was."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._hosts = {entry.host_id: entry for entry in fleet.settings.workflow_hosts}
        self._registered = False

    def turn(self) -> int:
        """Raises Unavailable when the database does not answer; a forge that does not costs only what needs it."""
        if not self._registered:
            host_agents.register(self._fleet)
            self._registered = True
        self._sign_of_life()
        done = follows.look(self._fleet) + self._adopt()
        done += sum(self._look_after(run) for run in self._fleet.read(workflow_runs.live))
        return done + self._give_out()

    # --- runs that are there ----------------------------------------------------------------------------------

    def _adopt(self) -> int:
        """Attempts whose run was never written down: we died in between, or the forge was away."""
        found = self._fleet.read(
            lambda sql: [
                attempt
                for attempt in attempts.running_in_mode(sql, modes.ACTIONS)
                if workflow_runs.get(sql, attempt.task_id, attempt.fence) is None
            ]
        )
        return sum(self._begin(attempt) for attempt in found)

    def _begin(self, attempt: Attempt) -> bool:
        """False when it has to be tried again later."""
        entry = self._hosts.get(attempt.host)
        if entry is None:  # the configuration does not name it any more
            reports.lost(self._fleet, attempt.agent, attempt.task_id, attempt.fence, 0)
            return True
        task = self._fleet.read(lambda sql: tasks.get(sql, attempt.task_id))
        try:
            repo_id = self._fleet.forge.repos.named(entry.repository).id if entry.repository else task.repo_id
            self._fleet.repo(repo_id)
        except Unavailable as away:
            log.info("a workflow cannot be started yet", task=task.id, reason=away.what)
            return False
        except Refused as refused:
            message = text.not_startable(entry.workflow, entry.repository, refused.reason)
            self._fail(attempt.agent, attempt.task_id, attempt.fence, message)
            return True
        self._fleet.store.write(
            lambda sql: workflow_runs.begin(
                sql,
                attempt.task_id,
                attempt.fence,
                claim_id=attempt.claim_id,
                host=attempt.host,
                agent=attempt.agent,
                repo_id=repo_id,
                at=attempt.claimed_at,
            )
        )
        return True

    def _look_after(self, run: WorkflowRun) -> int:
        now = self._fleet.clock()
        if run.looked_at and 0 <= now - run.looked_at < self._fleet.settings.actions.poll_secs:
            return 0
        attempt = self._fleet.read(lambda sql: attempts.get(sql, run.task_id, run.fence))
        active = attempt is not None and attempt.active
        try:
            if not run.run_id:
                return self._start(run) if active or run.tries else self._end(run)
            return self._follow(run, attempt if active else None)
        except (Unavailable, Refused) as problem:  # of one repository: the others go on
            log.info("a workflow run cannot be looked after", task=run.task_id, reason=str(problem))
            self._fleet.store.write(lambda sql: workflow_runs.looked_at(sql, run.task_id, run.fence, now))
            if not run.run_id and (isinstance(problem, Refused) or run.tries + 1 >= _TRIES):
                return self._give_up(run, str(problem))
            return 0

    def _start(self, run: WorkflowRun) -> int:
        """Starts it, once: after a try whose answer was lost the run is looked for among the newest."""
        entry, repo = self._hosts.get(run.host), self._repo(run)
        if entry is None:
            return self._give_up(run, text.no_such_run())
        if run.tries:
            seen = self._fleet.forge.actions.started_with(repo, "run", run.claim_id)
            if seen is not None:
                return self._started(run, seen)
        attempt = self._fleet.read(lambda sql: attempts.get(sql, run.task_id, run.fence))
        if attempt is None or not attempt.active:
            return self._end(run)
        self._fleet.store.write(lambda sql: workflow_runs.tried(sql, run.task_id, run.fence, self._fleet.clock()))
        inputs = {"run": run.claim_id, "task": run.task_id, "fence": str(run.fence), "agent": run.agent}
        inputs["type"], inputs["model"] = attempt.agent_type, _model(entry, run.agent)
        inputs["server"] = self._fleet.settings.server.url
        branch = entry.ref or self._fleet.repo(run.repo_id).default_branch
        try:
            run_id = self._fleet.forge.actions.start(repo, entry.workflow, branch, inputs)
        except Refused as refused:
            return self._give_up(run, refused.reason)
        self._fleet.store.write(lambda sql: workflow_runs.started(sql, run.task_id, run.fence, run_id, ""))
        log.info("workflow started", task=run.task_id, run=run_id, repo=repo.full_name)
        with contextlib.suppress(Unavailable, Refused):
            self._stands(run, self._fleet.forge.actions.run(repo, run_id))
        return 1

    def _started(self, run: WorkflowRun, seen: RunSeen) -> int:
        self._fleet.store.write(lambda sql: workflow_runs.started(sql, run.task_id, run.fence, seen.id, seen.page))
        return 1

    def _follow(self, run: WorkflowRun, attempt: Attempt | None) -> int:
        """``attempt`` is None when it has ended: then the run has to end, too."""
        repo = self._repo(run)
        try:
            seen = self._fleet.forge.actions.run(repo, run.run_id)
        except Missing:
            return self._over(run, attempt, "")
        if seen.over:
            return self._over(run, attempt, seen.status)
        if attempt is None:
            if run.state != ENDING:  # a forge without a call for it: the job hears it with its next heartbeat
                asked = self._fleet.forge.actions.cancel(repo, run.run_id)
                log.info("a workflow run is to end", task=run.task_id, run=run.run_id, asked_the_forge=asked)
            self._note(run, ENDING)
            return 0
        state = self._stands(run, seen)
        waited = self._fleet.clock() - run.begun_at
        entry = self._hosts.get(run.host)
        if not attempt.started_at and entry is not None and waited > entry.start_timeout_secs:
            self._fleet.forge.actions.cancel(repo, run.run_id)
            return self._fail(run.agent, run.task_id, run.fence, text.nobody_took_it(state, round(waited / 60)))
        return 0

    def _stands(self, run: WorkflowRun, seen: RunSeen) -> str:
        state = APPROVAL if seen.needs_approval else RUNNING if seen.status == "running" else RUNNER
        self._note(run, state, seen.page)
        return state

    def _note(self, run: WorkflowRun, state: str, page: str = "") -> None:
        def command(step: Step) -> None:
            workflow_runs.stands(step.sql, run.task_id, run.fence, state, step.now, page)
            task = step.task(run.task_id)
            if (state, page or run.page) != (run.state, run.page) and task.fence == run.fence:
                display.show_comment(step, task)

        self._fleet.step(command)

    def _over(self, run: WorkflowRun, attempt: Attempt | None, status: str) -> int:
        """The run has ended; an attempt whose job has not told its end is over, too."""
        if attempt is not None:
            with contextlib.suppress(Refused):  # its last word came in this very moment
                if status == "cancelled":
                    operations.cancel(self._fleet, run.task_id, by="forge", note=text.run_was_cancelled())
                else:
                    silent = max(0, round(self._fleet.clock() - attempt.last_sign_at))
                    reports.lost(self._fleet, run.agent, run.task_id, run.fence, silent)
        return self._end(run)

    def _give_up(self, run: WorkflowRun, why: str) -> int:
        entry, repo = self._hosts.get(run.host), self._repo(run)
        message = text.not_startable(entry.workflow if entry else "", repo.full_name, why)
        log.warning("workflow not started", task=run.task_id, reason=message)
        return self._fail(run.agent, run.task_id, run.fence, message) + self._end(run)

    def _fail(self, agent: str, task_id: str, fence: int, message: str) -> int:
        said = Completion("failed", Reason.INFRASTRUCTURE.value, message)
        with contextlib.suppress(Refused):
            reports.complete(self._fleet, agent, task_id, fence, said)
        return 1

    def _end(self, run: WorkflowRun) -> int:
        def command(step: Step) -> None:
            workflow_runs.end(step.sql, run.task_id, run.fence)
            task = step.task(run.task_id)
            if run.page and task.fence == run.fence:
                display.show_comment(step, task)

        self._fleet.step(command)
        return 1

    def _repo(self, run: WorkflowRun) -> RepoRef:
        return ref(self._fleet.repo(run.repo_id))

    # --- new work ---------------------------------------------------------------------------------------------

    def _give_out(self) -> int:
        given = 0
        while self._give_one():
            given += 1
        return given

    def _give_one(self) -> bool:
        for agent in self._free():
            if claims.peek(self._fleet, agent.id) is None:
                continue
            claim = claims.claim(self._fleet, agent.id, claim_id=uuid.uuid4().hex)
            if claim is None:
                continue
            attempt = self._fleet.read(lambda sql, of=claim: attempts.get(sql, of.task.id, of.fence))  # type: ignore[misc]
            return attempt is None or self._begin(attempt)
        return False

    def _free(self) -> list[Agent]:
        """Agents with a slot, on hosts with one, least busy first."""
        everyone, live = self._fleet.read(lambda sql: (agents.listed(sql), workflow_runs.live(sql)))
        by_agent: dict[str, int] = {}
        by_host: dict[str, int] = {}
        for run in live:
            by_agent[run.agent] = by_agent.get(run.agent, 0) + 1
            by_host[run.host] = by_host.get(run.host, 0) + 1
        free = [
            agent
            for agent in everyone
            if agent.mode == modes.ACTIONS
            and agent.host in self._hosts
            and agent.status == agents.ONLINE
            and by_agent.get(agent.id, 0) < agent.max_concurrency
            and by_host.get(agent.host, 0) < _slots(self._hosts[agent.host])
        ]
        return sorted(free, key=lambda agent: (by_host.get(agent.host, 0), by_agent.get(agent.id, 0), agent.id))

    def _sign_of_life(self) -> None:
        """These agents are there as long as this loop comes round."""
        now = self._fleet.clock()
        due = [
            agent.id
            for agent in self._fleet.read(agents.listed)
            if agent.mode == modes.ACTIONS
            and agent.status != agents.GONE
            and (agent.status == agents.OFFLINE or not 0 <= now - agent.last_seen < _SEEN_EVERY_SECS)
        ]

        def command(step: Step) -> None:
            for agent_id in due:
                agents.seen(step.sql, agent_id, step.now)
            display.refresh_queue(step)

        if due:
            self._fleet.step(command)


def _slots(entry: HostEntry) -> int:
    together = sum(agent.max_concurrency for agent in entry.agents)
    return min(entry.max_concurrency, together) if entry.max_concurrency else together


def _model(entry: HostEntry, agent_id: str) -> str:
    return next((agent.model for agent in entry.agents if entry.agent_id(agent) == agent_id), "")
