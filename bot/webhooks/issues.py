"""Issues opened, closed, edited, labelled, assigned.

There is no delta in a label event (Forgejo 12 to 16), and ``label_cleared`` carries the labels from before.
"""

from bot.webhooks import Payload, reads
from bot.webhooks.fields import label_names, number, table, text
from bot.webhooks.hints import Hint, IssueHint, PullHint


@reads("issues", "issue_label", "issue_assign")
def issue(payload: Payload) -> list[Hint]:
    repository, found = table(payload, "repository"), table(payload, "issue")
    repo_id, index = number(repository, "id"), number(found, "number")
    if not repo_id or not index:
        return []
    name = text(repository, "full_name")
    is_open = text(found, "state") == "open"
    if table(found, "pull_request"):
        return [PullHint(repo_id, name, index, "", is_open)]
    stale = text(payload, "action") == "label_cleared"
    labels = None if stale else label_names(found)
    return [IssueHint(repo_id, name, index, labels, is_open, number(table(payload, "sender"), "id"))]
