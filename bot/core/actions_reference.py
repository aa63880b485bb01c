"""The actions as data: from here come each ``action.yml`` and the reference, so that neither can lag."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import actions_text as text


@dataclass(frozen=True)
class Input:
    name: str
    about: str
    default: str = ""
    needed: bool = False


@dataclass(frozen=True)
class Action:
    """``example`` are the lines below ``with:``."""

    name: str
    about: str
    inputs: Sequence[Input]
    outputs: Sequence[tuple[str, str]]
    example: str


_REACHED: Final = (
    Input("server", "Address of the orchestrator, such as https://fleet.example.org.", needed=True),
    Input("token", "Operator or agent token from a secret. Empty: the job shows its id token."),
    Input("audience", "Whom the id token is made for; `audience` under [actions].", "agent-fleet"),
)
_PATIENCE: Final = Input("patience-secs", "How long an orchestrator that does not answer is asked again.", "60")
_TASK: Final = Input("task-id", "The task.", needed=True)

ACTIONS: Final = (
    Action(
        "dispatch",
        "Start a task; again within the same run and attempt, it is the same task.",
        (
            *_REACHED,
            _PATIENCE,
            Input("repository", "owner/name. Empty: this one."),
            Input("issue", "Number of the issue to work on."),
            Input("title", "Instead of issue: title of a new one. Needs prompt."),
            Input("prompt", "Text of the new issue."),
            Input("base", "Branch to start from. Empty: the default branch."),
            Input("capabilities", "What the agent must be able to do, separated by commas."),
            Input("priority", "high, normal or low.", "normal"),
            Input("key", "Tells tasks of one job apart: another key is another task.", "1"),
            Input("cancel-with-run", "true: when this run is cancelled, so is the task.", "false"),
        ),
        (("task-id", "The task."), ("url", "Its issue."), ("state", "Its state.")),
        "issue: 7",
    ),
    Action(
        "wait",
        "Follow a task until it ends, and fail when it failed.",
        (
            *_REACHED,
            _PATIENCE,
            _TASK,
            Input("until", "review (its pull request is open) or done (merged).", "review"),
            Input("timeout-minutes", "How long to wait; the task goes on after that.", "60"),
            Input("poll-secs", "Pause between two looks.", "5"),
            Input("cancel-with-run", "true: when this run is cancelled, so is the task.", "false"),
        ),
        (
            ("state", "The task's last state."),
            ("pull-request", "Address of its pull request."),
            ("receipt", "SHA-256 of its newest receipt; the agent's own while there is no signed one."),
        ),
        "task-id: ${{ steps.start.outputs.task-id }}",
    ),
    Action(
        "agent",
        "The job works as an agent, on tasks that wait or on the one that it was started for.",
        (
            *_REACHED,
            Input("type", "Agent type: an adapter, or one of your own with command.", needed=True),
            Input("run", "Input `run` of a workflow that the orchestrator started. Empty: tasks that wait."),
            Input("agent-id", "Its name at the orchestrator. Empty: made from repository and run."),
            Input("capabilities", "What it can do, separated by commas."),
            Input("model", "Model for adapters that take one."),
            Input("command", "Run this command, whatever the type says."),
            Input("tasks", "How many tasks to work on, one after the other.", "1"),
            Input("idle-secs", "Without run: end when no task came for so long.", "60"),
            Input("drain-secs", "When the runner stops: time to finish what runs.", "0"),
            Input("program", "An agent-fleet command that is there already. Empty: installed; needs Python 3.11."),
        ),
        (),
        "type: codex-cli",
    ),
    Action(
        "report",
        "For a workflow that does the work itself: take its task, report, hand in, complete.",
        (
            *_REACHED,
            _PATIENCE,
            Input("step", "begin, progress, artifact or complete.", needed=True),
            Input("run", "Input `run` of the workflow that the orchestrator started.", needed=True),
            Input("agent-id", "With a token: the agent that it is for."),
            Input("task-id", "Output of begin."),
            Input("fence", "Output of begin."),
            Input("start", "Output of begin: complete hands in the commits after it."),
            Input("path", "Folder of the source.", "work"),
            Input("message", "What is being done; with complete: what was done, or why not."),
            Input("log-file", "progress: file whose new part is sent as log."),
            Input("name", "artifact: its name."),
            Input("file", "artifact: its file."),
            Input("outcome", "complete: done, failed, no_change or question."),
            Input("reason", "complete: why it failed, such as agent_failed."),
            Input("exit-code", "complete: exit code of what did the work."),
        ),
        (
            ("task-id", "begin: the task."),
            ("fence", "begin: number of the attempt."),
            ("title", "begin: title of the issue."),
            ("path", "begin: folder of the source."),
            ("start", "begin: commit of the source."),
            ("prompt-file", "begin: file with the whole prompt."),
            ("cancelled", "progress: true when the task was cancelled; the step fails then."),
            ("sha256", "artifact: its digest."),
            ("state", "complete: the task's state."),
            ("verdict", "complete: what the receipt was found to be."),
        ),
        "step: begin\n    run: ${{ inputs.run }}",
    ),
    Action(
        "gate",
        "Pull requests of the fleet pass only with a verified receipt for their head; people's pass with a note.",
        (
            Input("server", "Address of the orchestrator, such as https://fleet.example.org.", needed=True),
            Input("token", "Operator token (read) from a secret: such jobs have no id token.", needed=True),
            _PATIENCE,
            Input("fleet-accounts", "Logins of the bot and of agents, separated by commas.", needed=True),
            Input("wait-minutes", "How long a receipt that is still to come is waited for.", "10"),
            Input("branch-prefix", "Where the fleet's branches lie.", "fleet/"),
            Input("public-keys", "Trusted public keys (PEM or base64). Empty: as the orchestrator shows them."),
        ),
        (("fleet", "true for pull requests of the fleet."), ("receipt", "SHA-256 of the receipt.")),
        "token: ${{ secrets.FLEET_READ_TOKEN }}\n    fleet-accounts: fleet-bot",
    ),
    Action(
        "retry",
        "Another attempt of a task that is over or in review.",
        (
            *_REACHED,
            _PATIENCE,
            Input("task-id", "The task; or its issue."),
            Input("issue", "Number of the issue: its newest task."),
            Input("repository", "owner/name of the issue. Empty: this one."),
            Input("fresh", "true: start again from the base, on a new branch.", "false"),
            Input("agent", "Reserve it for this agent (an id or a type)."),
            Input("reason", "Why; the agent is told."),
        ),
        (("task-id", "The task."), ("state", "Its state.")),
        "issue: 7\n    reason: The nightly build fails.",
    ),
)

_RUN: Final = """\
      run: |
        command -v node >/dev/null || { echo "::error title=Agent Fleet::Node.js is missing in this image. Use one with Node 18 or newer."; exit 1; }
        exec node "${FORGEJO_ACTION_PATH:-$GITHUB_ACTION_PATH}/main.mjs"
"""  # noqa: E501 - one line of a script


_HEAD: Final = f"""\
# Actions for Forgejo workflows

<!-- Generated from bot/core/actions_reference.py by `agent-fleet docs build`; change the code. -->

Use them by the full address of a repository that anyone may read (`https://HOST/OWNER/agent-fleet/actions/NAME@v1`;
a bare `OWNER/…` would be looked for elsewhere), or, copied beside your workflows, as `./actions/NAME` after a checkout
(with `actions/lib`; `agent` also needs the package, or the input `program`). They need bash and Node 18 in the job's
image, `report` git and `agent` Python 3.11 (with python3-venv or uv) besides, and say so when it is missing.

Id tokens need {text.FORGE_NEEDED} and {text.RUNNER_NEEDED} or newer, and `enable-openid-connect: true` in the
workflow. Without them give an operator token from a secret.
"""


def action_yml(action: Action) -> str:
    """The text of ``actions/NAME/action.yml``; inputs reach the script through its environment only."""
    lines = [
        "# Generated from bot/core/actions_reference.py by `agent-fleet docs build`.",
        f"name: {_quoted(f'Agent Fleet: {action.name}')}",
        f"description: {_quoted(action.about)}",
        "inputs:",
    ]
    for one in action.inputs:
        lines += [f"  {one.name}:", f"    description: {_quoted(one.about)}", f"    required: {_bool(one.needed)}"]
        lines += [] if one.needed else [f"    default: {_quoted(one.default)}"]
    if action.outputs:
        lines.append("outputs:")
    for name, about in action.outputs:
        value = f"${{{{ steps.main.outputs.{name} }}}}"
        lines += [f"  {name}:", f"    description: {_quoted(about)}", f"    value: {value}"]
    lines += [
        "runs:",
        "  using: composite",
        "  steps:",
        "    - id: main",
        f"      name: {action.name}",
        "      shell: bash",
        "      env:",
    ]
    lines += [f"        {_variable(one)}: ${{{{ inputs.{one.name} }}}}" for one in action.inputs]
    return "\n".join(lines) + "\n" + _RUN


def reference_page() -> str:
    """The text of ``docs/reference/actions.md``."""
    parts = [_HEAD]
    for action in ACTIONS:
        parts.append(f"\n## `{action.name}`\n\n{action.about}\n\n```yaml\n- uses: https://HOST/OWNER/agent-fleet/")
        parts.append(f"actions/{action.name}@v1\n  with:\n    server: https://fleet.example.org\n")
        parts.append(f"    {action.example}\n```\n\n| Input | Default | Meaning |\n|---|---|---|\n")
        parts += [f"| `{one.name}` | {_default(one)} | {one.about} |\n" for one in action.inputs]
        if action.outputs:
            parts.append("\n| Output | Meaning |\n|---|---|\n")
            parts += [f"| `{name}` | {about} |\n" for name, about in action.outputs]
    return "".join(parts)


def _default(one: Input) -> str:
    return "needed" if one.needed else f"`{one.default}`" if one.default else "–"


def _variable(one: Input) -> str:
    return f"FLEET_{one.name.upper().replace('-', '_')}"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
