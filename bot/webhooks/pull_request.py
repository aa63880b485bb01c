"""Pull requests opened, closed, merged, pushed to; a merge is ``closed`` with ``merged``."""

from bot.commands import grammar
from bot.webhooks import Payload, reads
from bot.webhooks.fields import account, number, table, text
from bot.webhooks.hints import Hint, PullHint, Way, Words


@reads("pull_request", "pull_request_sync")
def pull_request(payload: Payload) -> list[Hint]:
    repository, found = table(payload, "repository"), table(payload, "pull_request")
    repo_id, index = number(repository, "id"), number(found, "number")
    if not repo_id or not index:
        return []
    head = text(table(found, "head"), "ref")
    is_open = text(found, "state") == "open"
    new_head = text(payload, "action") in ("opened", "reopened", "synchronized")
    name, body = text(repository, "full_name"), text(found, "body")
    hints: list[Hint] = [PullHint(repo_id, name, index, head, is_open, new_head)]
    author = account(found, "user")
    mine = author == account(payload, "sender")
    if text(payload, "action") == "opened" and mine and grammar.has_commands(body):
        url = text(found, "html_url")
        hints.append(Words(repo_id, name, index, Way.BODY, 0, author, body, url, True))
    return hints
