"""Pushes; only those to the default branch matter here: policy and prompt lie there."""

from bot.webhooks import Payload, reads
from bot.webhooks.fields import number, table, text
from bot.webhooks.hints import Hint, PushHint


@reads("push")
def push(payload: Payload) -> list[Hint]:
    repository = table(payload, "repository")
    repo_id, default = number(repository, "id"), text(repository, "default_branch")
    if not repo_id or not default or text(payload, "ref") != f"refs/heads/{default}":
        return []
    return [PushHint(repo_id, text(repository, "full_name"))]
