"""Issues opened, closed, edited, labelled, assigned.

There is no delta in a label event (Forgejo 12 to 16), and ``label_cleared`` carries the labels from before. An
assignment may be the first news of an issue, before ``opened``.
"""

from bot.commands import grammar
from bot.webhooks import Payload, reads
from bot.webhooks.fields import account, label_names, moment, number, table, text, text_digest
from bot.webhooks.hints import Hint, IssueHint, PullHint, Way, Words


@reads("issues", "issue_label", "issue_assign")
def issue(payload: Payload) -> list[Hint]:
    repository, found = table(payload, "repository"), table(payload, "issue")
    repo_id, index = number(repository, "id"), number(found, "number")
    if not repo_id or not index:
        return []
    name, action = text(repository, "full_name"), text(payload, "action")
    is_open = text(found, "state") == "open"
    if table(found, "pull_request"):
        return [PullHint(repo_id, name, index, "", is_open)]
    stale = action in ("label_cleared", "assigned", "unassigned")
    labels = None if stale else label_names(found)
    sender = number(table(payload, "sender"), "id")
    sha256, at = text_digest(found), moment(found, "updated_at")
    hints: list[Hint] = [IssueHint(repo_id, name, index, labels, is_open, sender, sha256, at)]
    body, author = text(found, "body"), account(found, "user")
    if action == "opened" and author == account(payload, "sender") and grammar.has_commands(body):
        url = text(found, "html_url")
        hints.insert(0, Words(repo_id, name, index, Way.BODY, 0, author, body, url, False, text_sha256=sha256))
    return hints
