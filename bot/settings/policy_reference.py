"""docs/reference/policy.md, written from the model."""

import json
from collections.abc import Iterator

from bot.settings.policy import PATH, Policy
from bot.settings.values import Section

_HEAD = f"""\
# A repository's own rules

<!-- Generated from bot/settings/policy.py by `agent-fleet docs build`; change the code, not this page. -->

`{PATH}` on the default branch, and nowhere else, says what holds in that repository. Without it the defaults do. A
change that cannot be used (a commit status `agent-fleet/policy` on that branch says why) leaves the last good rules
in force. Removing a file that was there stops the repository: nothing is started until it is back.

| Key | Default | |
|---|---|---|
"""


def policy_page() -> str:
    """The text of the page."""
    return _HEAD + "\n".join(_rows(Policy(), "")) + "\n"


def _rows(default: Section, table: str) -> Iterator[str]:
    """A line for each key; those of a table after their table's own."""
    for name, field in type(default).model_fields.items():
        value = getattr(default, name)
        if isinstance(value, Section):
            yield f"| `[{name}]` | | {field.description} |"
            yield from _rows(value, f"{name}.")
        else:
            yield f"| `{table}{name}` | `{json.dumps(value)}` | {field.description} |"
