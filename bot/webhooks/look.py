"""Our own note to look at an issue again, kept in the inbox beside the forge's webhooks."""

from typing import Final

from bot.webhooks import Payload, reads
from bot.webhooks.fields import number, table, text
from bot.webhooks.hints import Hint, IssueHint

LOOK: Final = "fleet_look"


@reads(LOOK)
def look(payload: Payload) -> list[Hint]:
    """Without labels: nothing but the forge's own answer counts."""
    repository = table(payload, "repository")
    repo_id, index = number(repository, "id"), number(table(payload, "issue"), "number")
    if not repo_id or not index:
        return []
    return [IssueHint(repo_id, text(repository, "full_name"), index, None, True, 0)]
