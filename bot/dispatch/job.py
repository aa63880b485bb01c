"""From an adapter's words to a host's job: where things lie there, what the agent gets and what it does not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot.adapters.base import Adapter, Job, Template
from bot.core import ids
from bot.execution.host_workspace import HostWorkspace
from bot.execution.hosts import Job as HostJob
from bot.service import given_prompts
from bot.service.fleet import Step
from bot.settings.hosts import HostAgent
from bot.settings.sections import Adapter as Configured
from bot.store import host_runs
from bot.store.attempts import Attempt

#: In the run's home, for a CLI that reads its prompt from a file and would read its input besides.
_PROMPT: Final = ".agent-fleet-prompt.md"
_INHERITED: Final = ("PATH", "LANG", "TZ")


def layout(adapter: Adapter, work: Mapping[str, Any], run_dir: str, space: HostWorkspace, model: str = "") -> Job:
    """The run as its adapter sees it; every path is the host's. The same for every life of the orchestrator."""
    named = ids.usable_session(work["session"]) and work["resume_instructions"]
    resumes = bool(named) and adapter.can_resume
    home = Path(space.home)
    prompt_file = Path(run_dir) / "prompt" if adapter.prompt_on_stdin else home / _PROMPT
    return Job(
        prompt=str(work["resume_instructions"] if resumes else work["instructions"]),
        prompt_file=prompt_file,
        workspace=Path(space.tree),
        run_dir=Path(run_dir) / "files",
        home=home,
        session=str(work["session"]) if resumes else "",
        resume=resumes,
        model=model,
        timeout_secs=float(work["timeout_secs"]),
    )


def host_job(
    adapter: Adapter,
    job: Job,
    space: HostWorkspace,
    agent: HostAgent,
    *,
    run_id: str,
    fence: int,
    grace_secs: int,
    max_log_bytes: int,
) -> HostJob:
    """What the host is asked to start. The agent's environment is what is named here, and nothing else."""
    files = {str(path.relative_to(job.home)): data.decode() for path, data in adapter.files(job).items()}
    if not adapter.prompt_on_stdin:
        files[_PROMPT] = job.prompt
    return HostJob(
        run_id=run_id,
        workspace=space.key,
        fence=fence,
        argv=adapter.argv(job),
        prompt=adapter.stdin(job),
        env=adapter.environment(job),
        env_files=agent.env_files,
        inherit=tuple(dict.fromkeys((*_INHERITED, *adapter.passed_through, *agent.env))),
        files=files,
        copies=adapter.credentials,
        timeout_secs=int(job.timeout_secs),
        grace_secs=grace_secs,
        max_log_bytes=max_log_bytes,
    )


def begin(step: Step, attempt: Attempt, host: str, job: HostJob, prompt: str) -> None:
    """Notes that the run may be on the host from now on, and keeps what its agent will read."""
    host_runs.begin(step.sql, attempt.task_id, attempt.fence, host, attempt.agent, step.now)
    given = job.prompt or prompt.encode("utf-8", "replace")  # nothing on its input: it reads the file, or its argument
    given_prompts.keep_input(step, step.task(attempt.task_id), given, job.argv)


def templates(configured: Mapping[str, Configured]) -> Mapping[str, Template]:
    """Commands of the operator's own, by agent type."""
    return {name: Template(tuple(it.argv), it.prompt, tuple(it.env)) for name, it in configured.items()}
