"""Runs of Forgejo Actions that are over; a cancelled one comes as a failure. The repository is inside the run."""

from bot.webhooks import Payload, reads
from bot.webhooks.fields import number, table, text
from bot.webhooks.hints import ChecksHint, Hint


@reads("action_run_success", "action_run_failure", "action_run_recover")
def run(payload: Payload) -> list[Hint]:
    found = table(payload, "run")
    repository, sha = table(found, "repository"), text(found, "commit_sha")
    repo_id = number(repository, "id")
    return [ChecksHint(repo_id, text(repository, "full_name"), sha)] if repo_id and sha else []
