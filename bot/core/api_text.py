"""Sentences for callers of the API: what is wrong with a request, who may make it, what to do."""

from collections.abc import Sequence

from bot.core import cleaning


def not_utf8(position: int) -> str:
    return f"The body is not UTF-8 (byte {position})."


def not_json(what: str, line: int, column: int) -> str:
    return f"The body is not JSON: {what} (line {line}, column {column})."


def too_deep(levels: int) -> str:
    return f"The body is nested more than {levels} levels deep."


def not_storable() -> str:
    return "A text in the request holds NUL or half a surrogate pair, which cannot be stored."


def key_twice() -> str:
    return "An object in the body has a key twice."


def no_such_number(name: str) -> str:
    return f"{cleaning.one_line(name, 20)} is not a number in JSON."


def number_too_large() -> str:
    return "A number in the body is too large."


def no_object() -> str:
    return "The body is not a JSON object."


def send_json() -> str:
    return "Send one JSON object in UTF-8 (RFC 8259)."


def no_length() -> str:
    return "The length of the body is not known beforehand."


def send_a_length() -> str:
    return "Send it with a Content-Length and without Transfer-Encoding."


def wrong_kind(sent: str, taken: Sequence[str]) -> str:
    kinds = " or ".join(taken)
    return f"This call takes {kinds}, not {cleaning.one_line(sent, 80)}." if sent else f"This call takes {kinds}."


def too_large(limit: int) -> str:
    return f"The body is larger than {limit} bytes." if limit else "The body is too large."


def send_less() -> str:
    return "Send less at once."


def wrong_fields(problems: Sequence[str]) -> str:
    return cleaning.one_line("The request cannot be understood: " + "; ".join(problems) + ".", 1500)


def not_one_line() -> str:
    return "must be one line without control or invisible characters"


def not_a_repository() -> str:
    return "must be owner/name"


def fence_missing() -> str:
    return "is needed: the number of the attempt, from the answer to dequeue"


def issue_or_title() -> str:
    return "name an issue, or give a title and a prompt for a new one"


def outcome_missing() -> str:
    return "say the outcome with its receipt, or send the receipt itself with its status"


def receipt_missing() -> str:
    return "a receipt is needed"


def key_missing() -> str:
    return "This call needs the header Idempotency-Key: up to 200 printable characters."


def send_a_key() -> str:
    return "Send a new random key with each new request, and the same one when you repeat it."


def no_token() -> str:
    return "This call needs a token: Authorization: Bearer …"


def unknown_token() -> str:
    return "This token is not known here, or not valid any more."


def how_to_make_a_token() -> str:
    return (
        "Operators: `agent-fleet tokens create --role read|write|admin`. Agents: `agent-fleet agents token NAME`, "
        "or http_pull_token under [orchestrator] and POST /api/v1/agents/register."
    )


def may_not(role: str, needed: str) -> str:
    return f"A token of the kind {cleaning.code(role, 20)} may not make this call; it needs: {needed}."


def ask_for_a_token(needed: str) -> str:
    return f"Use another token ({needed}). {how_to_make_a_token()}"


def not_your_agent(agent: str) -> str:
    return f"This token is not for the agent {cleaning.code(agent, 80)}."


def use_own_id(agent: str) -> str:
    return f"It is for {cleaning.code(agent, 80)}: leave agent_id out, or name that one."


def agent_of_a_host(agent: str) -> str:
    return f"{agent} is an agent of a configured host: the orchestrator starts it, nobody else speaks for it."


def choose_another_id() -> str:
    return "Choose another agent_id."


def agent_id_missing() -> str:
    return "agent_id is needed with the enrolment token: it does not say which agent calls."


def has_its_own_token(agent: str) -> str:
    return f"The agent {cleaning.code(agent, 80)} has a token of its own; the enrolment token cannot change it."


def make_agent_token(agent: str) -> str:
    return f"Register with that token. Lost: make a new one with `agent-fleet agents token {agent}`."


def not_your_task() -> str:
    return "This agent neither runs this task nor ran it."


def no_prompt_given(attempt: int) -> str:
    return f"What attempt {attempt} was told is not known: it has not begun, or began before such texts were kept."


def prompt_not_kept(attempt: int, sha256: str) -> str:
    return f"What attempt {attempt} was told (SHA-256 {sha256}) is not kept any more."


def keep_longer() -> str:
    return "`keep_logs_days` says how long such texts are kept. The digest stays in the attempt's receipt."


def no_such_task(task_id: str) -> str:
    return f"There is no task {task_id[:80]!r}."


def list_the_tasks() -> str:
    return "`GET /api/v1/tasks` and `agent-fleet tasks list` list them."


def see_the_attempts() -> str:
    return "`GET /api/v1/tasks/{id}/attempts` and `agent-fleet tasks show` list the attempts of a task."


def no_such_attempt(fence: int) -> str:
    return f"The task has no attempt {fence}."


def no_such_receipt(receipt_id: str) -> str:
    return f"There is no receipt {cleaning.code(receipt_id, 80)}."


def list_receipts() -> str:
    return "List a task's with GET /api/v1/tasks/{task_id}/receipts."


def no_such_path() -> str:
    return "There is nothing at this address."


def wrong_method() -> str:
    return "This address does not take this method."


def bad_request() -> str:
    return "The request cannot be understood."


def see_the_reference() -> str:
    return "All calls are in /api/v1/openapi.json."


def again_in(secs: int) -> str:
    return f"Try again in {secs} s."


def our_mistake(reference: str) -> str:
    return f"That is a mistake of ours; nothing was changed. It is in the server's log as {reference}."


def quote_reference() -> str:
    return "Tell the operator this reference."


def migrations_missing(missing: Sequence[str]) -> str:
    return f"The database is older than this program: {', '.join(missing)} not applied. Run `agent-fleet migrate`."


def worker_silent(loops: Sequence[str]) -> str:
    return f"The worker does not come round ({', '.join(loops)}). Is `agent-fleet worker` running?"


def forge_behind(count: int) -> str:
    return f"The forge has not taken {count} of our changes; they are tried again."


def ask_by_completing() -> str:
    return "A question ends the attempt: it cannot be asked by a progress report."


def complete_with_question() -> str:
    return "Complete with outcome question and the question as message; the answer comes with a new attempt."
