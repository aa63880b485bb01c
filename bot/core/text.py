"""Every sentence a person reads: first what happened, then why, then what to do.

Whatever came from outside (titles, names, agents' words) is passed through ``cleaning`` here, so that no caller
can forget it. Times are absolute and UTC, so no text needs a tick to stay true.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.core import cleaning
from bot.core.reasons import Reason

# --- small parts ------------------------------------------------------------------------------------------


def clock(at: float) -> str:
    """11:02 UTC"""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")


def moment(at: float) -> str:
    """2026-11-22 11:02 UTC"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(secs: float) -> str:
    """14 min"""
    whole = max(0, round(secs))
    if whole < 60:
        return f"{whole} s"
    if whole < 5400:
        return f"{round(whole / 60)} min"
    return f"{whole / 3600:.1f} h".replace(".0 h", " h")


def names(items: Sequence[str]) -> str:
    return ", ".join(cleaning.code(x, 60) for x in items)


def addressed(login: str, person: bool) -> str:
    """The beginning of a comment to whoever asked: a mention of a person, "" for a program or a strange name."""
    named = cleaning.name(login)
    return f"@{login} " if person and named == login else ""


# --- what became of a task (chatops) ----------------------------------------------------------------------


def queued(place: int) -> str:
    return f"Queued as number {place}."


def nobody_fits(requirements: Sequence[str], reserved_for: str) -> str:
    """Why nobody can take a task; ``reserved_for`` is an agent or a type, "" = whoever."""
    requirements = [x for x in requirements if x != "any"]
    if not requirements:
        who = f"called {cleaning.code(reserved_for, 60)} " if reserved_for else ""
        return f"No agent {who}is online; it starts as soon as one is."
    if reserved_for:
        who = cleaning.code(reserved_for, 60)
        return f"No agent called {who} is online that offers {names(requirements)}; it starts as soon as one is."
    return f"No agent that is online offers {names(requirements)}; it starts as soon as one does."


def backing_off(at: float) -> str:
    return f"The next attempt starts at {clock(at)}."


def requested(by: str) -> str:
    return f"{cleaning.code(by, 60)} asked for this. Someone with write access lets it start with `/fleet approve`."


def lost(agent: str, silent_secs: float) -> str:
    return f"{cleaning.name(agent)} has not answered for {span(silent_secs)}; the task is back in the queue."


def handed_back(agent: str) -> str:
    return f"{cleaning.name(agent)} handed the task back; it is in the queue again."


def waiting(to: str, agent: str, question: str, until: float) -> str:
    return (
        f"{to}{cleaning.name(agent)} asks: {cleaning.code(question, 1500)} "
        f"Reply with `/fleet say …`. It waits until {clock(until)}, then stops."
    )


def failed(to: str, attempt: int, took_secs: float, why: str, branch: str) -> str:
    kept = f" Branch `{branch}` is kept." if branch else ""
    return (
        f"{to}{'attempt' if to else 'Attempt'} {attempt} failed after {span(took_secs)}: {why}.{kept} "
        "`/fleet logs` · `/fleet retry`."
    )


def not_tried_again(to: str, why: str, branch: str) -> str:
    """Said when no attempt was started, so that none has failed."""
    kept = f" Branch `{branch}` is kept." if branch else ""
    return f"{to}{'no' if to else 'No'} further attempt starts: {why}.{kept}"


def in_review(to: str, took_secs: float, pull_request: int) -> str:
    return f"{to}{'done' if to else 'Done'} in {span(took_secs)}: #{pull_request} is ready for review."


def done(pull_request: int) -> str:
    return f"#{pull_request} was merged."


def nothing_to_change(agent: str, explanation: str) -> str:
    return f"{cleaning.name(agent)} found nothing to change: {cleaning.code(explanation, 600)}"


def cancelled(why: str, by: str, pull_request: int, note: str = "") -> str:
    because = f": {cleaning.code(note, 300)}" if note else ""
    who = f" by {cleaning.code(by, 60)}" if by else ""
    return {
        "label_removed": f"Cancelled: the `agent:` label was removed{who}.",
        "issue_closed": f"Cancelled: the issue was closed{who}.",
        "pull_request_closed": f"Cancelled: #{pull_request} was closed without being merged.",
        "api": f"Cancelled{who} through the API.",
        "gone": "Cancelled: the issue cannot be read any more.",
        "halt": f"Stopped: everything was halted{who}{because}. To run it again: `/fleet retry`.",
    }.get(why, f"Cancelled{who}{because}.")


_REASONS = {
    Reason.AUTH: "the agent could not log in to its model provider",
    Reason.RATE_LIMITED: "the model provider refused: too many requests",
    Reason.QUOTA_UNTIL: "the model provider's quota is used up",
    Reason.MODEL_ERROR: "the model provider answered with an error",
    Reason.TIMEOUT: "the time limit was reached",
    Reason.STALLED: "the agent showed no sign of work",
    Reason.CRASHED: "the agent's program crashed",
    Reason.KILLED: "the agent's program was killed",
    Reason.LOST: "the agent vanished several times in a row",
    Reason.EMPTY_OUTPUT: "the agent changed nothing and did not say why",
    Reason.CHECKS_FAILED: "the checks do not pass",
    Reason.CONFLICT: "the branch has commits the fleet does not know",
    Reason.POLICY: "the change is not allowed here",
    Reason.REJECTED_RECEIPT: "the agent's report contradicts the facts",
    Reason.PROMPT_INVALID: "the task's text cannot be given to an agent",
    Reason.INFRASTRUCTURE: "a machine or service that the fleet needs did not work",
    Reason.UNANSWERED: "nobody answered the agent's question",
    Reason.BUDGET: "the budget is used up",
    Reason.HANDED_BACK: "the agent handed the task back",
    Reason.AGENT_FAILED: "the agent reported a failure",
}


def reason(what: Reason, message: str = "") -> str:
    """Half a sentence without a full stop."""
    detail = cleaning.one_line(message, 300)
    return f"{_REASONS[what]} ({cleaning.code(detail, 300)})" if detail else _REASONS[what]


# --- status comment ---------------------------------------------------------------------------------------


def headline(label: str, attempt: int, agent_type: str, agent: str) -> str:
    parts = [f"**Fleet: {label}**"]
    if attempt:
        parts.append(f"attempt {attempt}")
    if agent:
        parts.append(f"{cleaning.code(agent_type, 60)} on {cleaning.code(agent, 60)}")
    return " · ".join(parts)


def status_description(label: str, attempt: int, detail: str) -> str:
    """The commit status in at most 120 characters."""
    head = f"Fleet: {label}" + (f" · attempt {attempt}" if attempt else "")
    return cleaning.one_line(f"{head} · {detail}" if detail else head, 120)


def superseded() -> str:
    return "Fleet: replaced by newer commits"


def not_ours() -> str:
    return "Not a fleet pull request"


def no_time_tracking() -> str:
    return "The repository does not track time."


def out_of_date() -> str:
    return "The task has moved on since this was asked for."


def replaced(issue: int) -> str:
    return f"Closed: the work starts again from the base branch, see #{issue}."


# --- pull request -----------------------------------------------------------------------------------------


def pull_request_title(title: str, issue: int) -> str:
    return cleaning.defanged(cleaning.one_line(title, 200)) or f"Work on issue {issue}"


def pull_request_body(
    *,
    issue: int,
    asked_by: str,
    prompt: str,
    summary: str,
    agent: str,
    agent_type: str,
    attempt: int,
    task_id: str,
) -> str:
    """What was asked, what was done, by which agent, and how to steer; closes the issue when merged."""
    done_part = cleaning.defanged(summary, 8000) or "The agent left no summary."
    return "\n".join(
        [
            f"Closes #{issue}",
            "",
            "### What was asked",
            f"By {cleaning.code(asked_by, 60)} in #{issue}:",
            "",
            cleaning.block(prompt, 4000),
            "",
            "### What was done",
            done_part,
            "",
            "### How to go on",
            (
                f"Made by the AI agent {cleaning.code(agent_type, 60)} ({cleaning.code(agent, 60)}), attempt {attempt};"
                " a person should read it before it is merged. Merging ends the task, closing cancels it. "
                "To have it done again: `/fleet retry`, here or in the issue."
            ),
            "",
            f"<sub>Agent Fleet task `{task_id}`</sub>",
        ]
    )


# --- the API ----------------------------------------------------------------------------------------------


def no_such_task(task_id: str) -> str:
    return f"There is no task {cleaning.code(task_id, 80)}."


def issue_busy(issue: int) -> str:
    return f"Issue {issue} already has a task that is not finished."


def not_holding(agent: str) -> str:
    return f"Agent {cleaning.code(agent, 80)} does not hold this task now."


# --- webhooks ---------------------------------------------------------------------------------------------


def no_webhook_secret() -> str:
    return "The webhook was refused: no webhook secret is configured here, so nothing can be believed."


def set_webhook_secret() -> str:
    return "Set webhook_secret under [forgejo], and the same secret in the forge's webhook."


def bad_signature() -> str:
    return "The webhook was refused: its signature does not fit its contents."


def compare_webhook_secret() -> str:
    return "Compare the webhook's secret on the forge with webhook_secret under [forgejo]."


# --- the API: agents and tasks ----------------------------------------------------------------------------


def unknown_agent(agent: str) -> str:
    return f"No agent {cleaning.code(agent, 80)} is registered here."


def register_first() -> str:
    return "Register it with POST /api/v1/agents/register."


def ask_for_a_new_task() -> str:
    return "Stop working on this one and ask for a new task."


def stale_fence(fence: int, state: str) -> str:
    return f"Attempt {fence} of this task is over: stale fence (the task is {state})."


def no_base_branch(base: str) -> str:
    return f"The repository has no branch {cleaning.code(base, 80)} to start from."


def check_the_base() -> str:
    return "Push a first commit, or create the task with another base."


def no_source_yet() -> str:
    return "A result cannot be checked before the source was fetched: its base is not known."


def get_the_source_first() -> str:
    return "GET the task's source first and build on the commit it holds."


def git_refused(said: str) -> str:
    return f"Git could not do this with the task's repository; it says: {cleaning.code(said, 300)}"


def check_the_repository() -> str:
    return "Check that the repository is still there and that the bot's account may read and push to it."


def mend_the_result() -> str:
    return "Nothing was published. Leave that part out and send the result again, or complete with outcome failed."


def no_result_yet() -> str:
    return "The work was reported as done, but no commits have arrived."


def send_the_result_first() -> str:
    return "POST the commits as a git bundle to the task's result, or complete with outcome no_change and say why."


def completed_otherwise(fence: int) -> str:
    return f"Attempt {fence} was completed before, with another content."


def mend_the_receipt() -> str:
    return "Nothing was changed here. Send a receipt that fits the facts, or complete with outcome failed."


def pull_elsewhere(repo: str) -> str:
    return f"the pull request that the receipt names is not in {cleaning.code(repo, 100)}"


def no_such_pull(number: int) -> str:
    return f"there is no pull request {number}"


def pull_not_about(number: int, issue: int) -> str:
    return f"pull request {number} does not mention issue {issue}"


def pull_closed(number: int) -> str:
    return f"pull request {number} is closed"


def nothing_asked() -> str:
    return "The agent has not asked anything."


def see_the_task() -> str:
    return "Read the task to see what it is doing."


def key_used_otherwise() -> str:
    return "This Idempotency-Key was used before, for another request."


def key_in_use() -> str:
    return "The same request is being dealt with at this moment."


def use_another_key() -> str:
    return "Use a new key for a new request."


def no_such_repository(name: str) -> str:
    return f"The bot cannot see a repository {cleaning.code(name, 100)}."


def add_the_bot() -> str:
    return "Check the name, and give the bot's account access to it."


def no_such_issue(number: int) -> str:
    return f"The bot cannot see an issue {number} in this repository."


def issue_is_pull(number: int) -> str:
    return f"{number} is a pull request, not an issue."


def issue_is_closed(number: int) -> str:
    return f"Issue {number} is closed."


def reopen_it() -> str:
    return "Reopen it first."
