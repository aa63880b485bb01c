"""Pull requests opened, closed, merged, pushed to; a merge is ``closed`` with ``merged``."""

from bot.webhooks import Payload, reads
from bot.webhooks.fields import number, table, text
from bot.webhooks.hints import Hint, PullHint


@reads("pull_request", "pull_request_sync")
def pull_request(payload: Payload) -> list[Hint]:
    repository, found = table(payload, "repository"), table(payload, "pull_request")
    repo_id, index = number(repository, "id"), number(found, "number")
    if not repo_id or not index:
        return []
    head = text(table(found, "head"), "ref")
    is_open = text(found, "state") == "open"
    new_head = text(payload, "action") in ("opened", "reopened", "synchronized")
    return [PullHint(repo_id, text(repository, "full_name"), index, head, is_open, new_head)]
