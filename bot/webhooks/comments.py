"""Comments on issues and pull requests: those that hold a command, and edits that add one."""

from bot.commands import grammar
from bot.core.facts import Right
from bot.webhooks import Payload, reads
from bot.webhooks.fields import account, number, table, text, text_digest
from bot.webhooks.hints import Hint, Way, Words


@reads("issue_comment", "pull_request_comment")
def comment(payload: Payload) -> list[Hint]:
    """``repository.permissions`` is the sender's own in these events, and in hardly any other (Forgejo 15)."""
    repository, issue, said = table(payload, "repository"), table(payload, "issue"), table(payload, "comment")
    repo_id, index, comment_id = number(repository, "id"), number(issue, "number"), number(said, "id")
    author, sender, body = account(said, "user"), account(payload, "sender"), text(said, "body")
    action = text(payload, "action")
    if not repo_id or not index or not comment_id or action not in ("created", "edited"):
        return []
    if action == "edited":
        before = text(table(table(payload, "changes"), "body"), "from")
        if not grammar.added(before, body):
            return []
    elif author != sender or not grammar.has_commands(body):
        return []
    is_pull = bool(payload.get("is_pull")) or bool(table(issue, "pull_request"))
    return [
        Words(
            repo_id=repo_id,
            repo=text(repository, "full_name"),
            number=index,
            way=Way.COMMENT if action == "created" else Way.EDIT,
            comment_id=comment_id,
            author=author if action == "created" else sender,
            body=body,
            url=text(said, "html_url"),
            is_pull=is_pull,
            right=_right(table(repository, "permissions")) if action == "created" else Right.UNKNOWN,
            text_sha256="" if is_pull else text_digest(issue),
        )
    ]


def _right(permissions: Payload) -> Right:
    for name, right in (("admin", Right.ADMIN), ("push", Right.WRITE), ("pull", Right.READ)):
        if permissions.get(name) is True:
            return right
    return Right.UNKNOWN
