"""Sentences about jobs of Forgejo Actions: who they are, what they may, how their runs stand."""

from typing import Final

from bot.core import cleaning

#: Below these a job has no id token.
FORGE_NEEDED: Final = "Forgejo 15"
RUNNER_NEEDED: Final = "Forgejo runner 12.5"


def no_id_token() -> str:
    return "The job sent no id token of Forgejo Actions."


def how_to_get_one() -> str:
    return (
        f"Put `enable-openid-connect: true` into the workflow ({FORGE_NEEDED} and {RUNNER_NEEDED} or newer), "
        "or give the action an operator token."
    )


def not_a_token() -> str:
    return "The id token cannot be read."


def wrong_algorithm(name: str) -> str:
    return f"The id token is signed with {cleaning.code(name, 20)}; only RS256, RS384 and RS512 are accepted."


def unknown_signing_key(kid: str) -> str:
    return f"The id token is signed with a key that the forge does not list ({cleaning.code(kid, 60)})."


def wrong_signature() -> str:
    return "The signature of the id token does not fit the forge's key."


def other_issuer(said: str, wanted: str) -> str:
    return f"The id token comes from {cleaning.code(said, 200)}, not from {cleaning.code(wanted, 200)}."


def check_the_issuer() -> str:
    return "When the forge calls itself so, set issuer under [actions]."


def other_audience(said: str, wanted: str) -> str:
    return f"The id token was made for {cleaning.code(said, 200)}, not for {cleaning.code(wanted, 60)}."


def ask_for_audience(wanted: str) -> str:
    return f"Ask for the audience {wanted}; the actions of Agent Fleet do, by their input audience."


def token_over() -> str:
    return "The id token is over."


def token_not_yet() -> str:
    return "The id token does not hold yet: the clocks of forge and orchestrator differ."


def ask_for_a_new_one() -> str:
    return "Ask for a new one."


def claim_missing(name: str) -> str:
    return f"The id token does not say its {cleaning.code(name, 40)}."


def event_never(event: str) -> str:
    return f"Runs for {cleaning.code(event, 40)} never qualify: what they run may come from anyone."


def use_another_event() -> str:
    return "Use a workflow on push, schedule, workflow_dispatch or issues; or an operator token."


def ref_never(ref: str) -> str:
    return f"Runs on {cleaning.code(ref, 100)} never qualify: agents write there."


def run_on_the_default_branch() -> str:
    return "Run the workflow on the default branch."


def odd_ref(ref: str) -> str:
    return f"Runs on {cleaning.code(ref, 100)} never qualify: only branches and tags do."


def repository_unlisted(name: str) -> str:
    return f"No rule under [actions] names {cleaning.code(name, 100)}."


def rule_does_not_fit(name: str, why: str) -> str:
    return f"No rule under [actions] for {cleaning.code(name, 100)} fits: {why}."


def why_id() -> str:
    return "its repository id is another one"


def why_event(event: str) -> str:
    return f"the event {cleaning.code(event, 40)} is not allowed"


def why_ref(ref: str) -> str:
    return f"the ref {cleaning.code(ref, 100)} is not listed"


def why_unprotected(ref: str) -> str:
    return f"the ref {cleaning.code(ref, 100)} is neither protected nor listed"


def why_actor(actor: str) -> str:
    return f"runs of {cleaning.code(actor, 60)} are not allowed"


def why_workflow(workflow: str) -> str:
    return f"the workflow {cleaning.code(workflow, 120)} is not listed"


def add_a_rule() -> str:
    return "Add or widen a rule in [[actions.allow]] of the orchestrator's configuration."


def used_before() -> str:
    return "The id token has been used before."


def not_its_repository(name: str) -> str:
    return f"This job may only act on {cleaning.code(name, 100)}."


def not_its_task() -> str:
    return "This job was started for another task."


def not_for_jobs() -> str:
    return "Jobs of Actions cannot make this call."


def use_operator_token() -> str:
    return "Use an operator token."


def no_such_run() -> str:
    return "The orchestrator has started no such run, or it is over."


def run_not_known_yet() -> str:
    return "The orchestrator does not know the number of this run yet."


def run_missing() -> str:
    return "Say which run to follow: run_id, and repo unless it is the task's."


# --- runs that the orchestrator starts ------------------------------------------------------------------------


def not_startable(workflow: str, repo: str, why: str) -> str:
    return f"The workflow {workflow} could not be started in {repo}: {why}"


def nobody_took_it(state: str, minutes: int) -> str:
    reason = {"approval": "nobody approved it", "runner": "no runner took it"}.get(state, "its job said nothing")
    return f"The workflow run was started {minutes} min ago and {reason}."


def run_was_cancelled() -> str:
    return "Somebody cancelled its workflow run on the forge."


def followed_run_cancelled(run_id: int) -> str:
    return f"The workflow run {run_id} that asked for it was cancelled."


def run_line(url: str, state: str) -> str:
    said = {
        "runner": " waits for a runner.",
        "approval": " waits for somebody to approve it on its page.",
        "running": " goes on.",
        "ending": " is told to end.",
    }
    return f"[The workflow run]({url}){said.get(state, ' has ended.' if state == 'over' else '')}"


# --- settings -------------------------------------------------------------------------------------------------


def machine_needs() -> str:
    return "is missing."


def not_with_actions() -> str:
    return 'means nothing with mode = "actions".'


def leave_it_out() -> str:
    return "Leave it out."


def bad_glob() -> str:
    return "must be owner/name, where * may stand for any part of one of both"


def ref_not_full() -> str:
    return "must begin with refs/heads/ or refs/tags/"
