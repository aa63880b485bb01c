"""Evidence of what an agent was told: kept by digest when it is given, without a secret of ours in it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.core import api_text, prompt
from bot.core.errors import Refused
from bot.core.task import Task
from bot.execution.secretscan import SecretScan
from bot.service.fleet import Fleet, Step
from bot.store import Sql, attempts, given_prompts, policies, repo_files, tasks
from bot.store.given_prompts import GivenPrompt

#: What the agent CLI read, and the task as a pull agent was answered.
INPUT: Final = "input"
TASK: Final = "task"


def without_secrets(fleet: Fleet, work: Mapping[str, Any]) -> dict[str, Any]:
    """``work`` with ``***`` for every secret of the configuration that somebody wrote into an issue or a comment."""
    scan = SecretScan(fleet.settings.secrets())
    return {name: _masked(scan, value) for name, value in work.items()} if scan else dict(work)


def keep_task(step: Step, task: Task, work: Mapping[str, Any]) -> None:
    """What a pull agent is answered with: ``work`` as JSON with sorted keys and without spaces."""
    written = json.dumps(work, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    _keep(step, task, TASK, written, "")


def task_kept(sql: Sql, task: Task) -> dict[str, Any] | None:
    """What the task's newest attempt was answered with, when it is kept."""
    given = given_prompts.of_attempt(sql, task.id, task.fence)
    written = given_prompts.text(sql, given.sha256) if given and given.form == TASK else None
    return json.loads(written) if written is not None else None


def keep_input(step: Step, task: Task, given: bytes, argv: Sequence[str]) -> None:
    """What the CLI of the task's newest attempt reads, and the digest of the command line it is started with."""
    _keep(
        step, task, INPUT, given.decode("utf-8", "replace"), hashlib.sha256(json.dumps(list(argv)).encode()).hexdigest()
    )


def read(sql: Sql, task_id: str, fence: int | None = None) -> tuple[GivenPrompt, str]:
    """What an attempt (None: the newest) was given. Raises Refused (404) when nothing was, or it is not kept."""
    number = tasks.get(sql, task_id).fence if fence is None else fence
    if attempts.get(sql, task_id, number) is None:
        raise Refused(api_text.no_such_attempt(number), api_text.see_the_attempts(), 404, "no_such_attempt")
    given = given_prompts.of_attempt(sql, task_id, number)
    if given is None:
        raise Refused(api_text.no_prompt_given(number), api_text.see_the_attempts(), 404, "no_prompt")
    written = given_prompts.text(sql, given.sha256)
    if written is None:
        raise Refused(api_text.prompt_not_kept(number, given.sha256), api_text.keep_longer(), 404, "prompt_not_kept")
    return given, written


def _keep(step: Step, task: Task, form: str, written: str, argv_sha256: str) -> None:
    file, rules = repo_files.get(step.sql, task.repo_id, prompt.PATH), policies.get(step.sql, task.repo_id)
    given_prompts.keep(
        step.sql,
        task.id,
        task.fence,
        form,
        written,
        template=f"{prompt.PATH}@{file.commit_sha}" if file is not None and file.text is not None else "",
        policy_sha256=rules.source_sha if rules is not None and rules.found else "",
        argv_sha256=argv_sha256,
        at=step.now,
    )


def _masked(scan: SecretScan, value: Any) -> Any:
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
        return scan.masked(data)[0].decode("utf-8", "replace") if scan.found_in(data) else value
    if isinstance(value, list):
        return [_masked(scan, one) for one in value]
    if isinstance(value, Mapping):
        return {name: _masked(scan, one) for name, one in value.items()}
    return value
