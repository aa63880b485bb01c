"""Reviews with a command in them: there is no id to make it happen once, so it is only explained (Forgejo 15)."""

from bot.commands import grammar
from bot.webhooks import Payload, reads
from bot.webhooks.fields import account, number, table, text
from bot.webhooks.hints import Hint, Way, Words


@reads("pull_request_review_approved", "pull_request_review_rejected", "pull_request_review_comment")
def review(payload: Payload) -> list[Hint]:
    repository, pull = table(payload, "repository"), table(payload, "pull_request")
    body = text(table(payload, "review"), "content")
    repo_id, index = number(repository, "id"), number(pull, "number")
    if not repo_id or not index or not grammar.has_commands(body):
        return []
    name, url = text(repository, "full_name"), text(pull, "html_url")
    return [Words(repo_id, name, index, Way.REVIEW, 0, account(payload, "sender"), body, url, True)]
