"""What people ask the fleet to show them: queue, agents, logs, help."""

from collections.abc import Sequence

from bot.core import cleaning
from bot.core.text import names, span


def log_tail(attempt: int, lines: int, log: str) -> str:
    if not log:
        return f"Attempt {attempt} has printed nothing."
    body = cleaning.block(log, 60_000)
    return f"The last lines of attempt {attempt}:\n\n<details><summary>{lines} lines</summary>\n\n{body}\n\n</details>"


def no_such_attempt(attempt: int, newest: int) -> str:
    return f"There is no attempt {attempt}; the newest is {newest}."


def pong(version: str, queued: int, webhook: float, sweep: float, now: float) -> str:
    def ago(at: float) -> str:
        return f"{span(now - at)} ago" if at else "not yet"

    return f"agent-fleet {version} · {queued} in the queue · last webhook {ago(webhook)} · last poll {ago(sweep)}"


def queue_lists(
    running: Sequence[str], waiting: Sequence[str], elsewhere: tuple[int, int], paused: Sequence[str]
) -> str:
    lines = [*paused, *([""] if paused else [])]
    lines += [f"Running: {len(running)}", *(f"- {x}" for x in running[:20]), ""]
    lines += [f"Waiting: {len(waiting)}", *(f"{n}. {x}" for n, x in enumerate(waiting[:20], 1))]
    if any(elsewhere):
        lines += ["", f"In other repositories: {elsewhere[0]} running, {elsewhere[1]} waiting."]
    return "\n".join(lines)


def agent_table(rows: Sequence[tuple[str, str, str, str, str]]) -> str:
    if not rows:
        return "No agent has registered yet. How to connect one: `agent-fleet agent --help` on its machine."
    lines = ["| Agent | Type | State | Running | Last sign of life |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(x.replace('|', '/') for x in row)} |" for row in rows)])


def help_table(rows: Sequence[tuple[str, str]], rest: int) -> str:
    lines = ["You can use here and now:", "", "| Command | What it does |", "|---|---|"]
    lines += [f"| `{usage.replace('|', chr(92) + '|')}` | {purpose} |" for usage, purpose in rows]
    more = f"\n\n{rest} more need other rights or another state." if rest else ""
    return "\n".join(lines) + f"{more}\n\nOne of them in detail: `/fleet help COMMAND`."


def help_one(usage: str, purpose: str, role_: str, states: str, aliases: Sequence[str], example: str) -> str:
    also = f" Also called {names(aliases)}." if aliases else ""
    return f"`{usage}` - {purpose}{also}\n\nNeeds {role_} rights. Legal: {states}.\n\nExample: `{example}`"


def states(legal: Sequence[str], everywhere: bool) -> str:
    if everywhere:
        return "always"
    words = {"none": "without a task"}
    return ", ".join(words.get(x, x) for x in legal)
