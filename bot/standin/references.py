"""What a text refers to: `#3`, and `Closes #3` in pull requests (Forgejo `modules/references`, defaults)."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.standin.issues import Issue
    from bot.standin.people import Person

_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_PLAIN = re.compile(r"(?:^|[\s(\[])#(\d+)\b")
_CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


def references(text: str) -> dict[int, str]:
    """Issue numbers in ``text`` with what they mean: "closes" or "none"; code does not count."""
    plain = _CODE.sub(" ", text)
    found = {int(number): "none" for number in _PLAIN.findall(plain)}
    return found | {int(number): "closes" for number in _CLOSING.findall(plain)}


def register_references(source: "Issue", by: "Person", text: str, kind: str) -> None:
    """Put a line on the timeline of each issue that ``text`` names; only pull requests close.

    For a pull request the lines follow its text: what is edited away stays as "neutered" (15.0, seen).
    """
    found: Mapping[int, str] = references(text)
    closes = source.is_pull and kind != "comment_ref"
    kind = "pull_ref" if closes else kind
    for number, issue in source.repo.issues.items():
        if issue is source:
            continue
        action = found.get(number, "") if closes else ("none" if number in found else "")
        _follow(issue, source, by, kind, action)


def _follow(issue: "Issue", source: "Issue", by: "Person", kind: str, action: str) -> None:
    """Bring the line of ``source`` on ``issue`` to ``action`` ("": no longer mentioned)."""
    before = [entry for entry in issue.entries if entry.kind == kind and entry.ref_issue is source]
    if any(entry.ref_action == action for entry in before):
        return
    if kind == "pull_ref":
        for entry in before:
            if entry.ref_action == "closes":
                entry.ref_action = "neutered"
    if action:
        issue.note(kind, by, ref_issue=source, ref_action=action)
        issue.touch()
