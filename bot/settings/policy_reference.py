"""docs/reference/policy.md, written from the model."""

import json

from bot.settings.policy import PATH, Policy

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
    fields = Policy.model_fields.items()
    default = Policy()
    rows = [f"| `{name}` | `{json.dumps(getattr(default, name))}` | {field.description} |" for name, field in fields]
    return _HEAD + "\n".join(rows) + "\n"
