"""Reviews submitted: neither their id nor their comments on lines are told (Forgejo 15), so the forge is asked.

A command in one is only explained: there is no id to make it happen once.
"""

from bot.commands import grammar
from bot.webhooks import Payload, reads
from bot.webhooks.fields import account, number, table, text
from bot.webhooks.hints import Hint, PullHint, Way, Words


@reads("pull_request_review_approved", "pull_request_review_rejected", "pull_request_review_comment")
def review(payload: Payload) -> list[Hint]:
    repository, pull = table(payload, "repository"), table(payload, "pull_request")
    body, name = text(table(payload, "review"), "content"), text(repository, "full_name")
    repo_id, index = number(repository, "id"), number(pull, "number")
    if not repo_id or not index:
        return []
    is_open = text(pull, "state") == "open"
    found: list[Hint] = [PullHint(repo_id, name, index, text(table(pull, "head"), "ref"), is_open)]
    if grammar.has_commands(body):
        url = text(pull, "html_url")
        found.append(Words(repo_id, name, index, Way.REVIEW, 0, account(payload, "sender"), body, url, True))
    return found
