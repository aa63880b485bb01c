"""docs/reference/labels.md: every label the fleet makes, sets or obeys."""

from typing import Final

from bot.core.matching import ALIASES, ANY, PREFIX, PRIORITIES
from bot.core.states import State
from bot.core.view import STATE_LABELS, label_name
from bot.service.issues import HALT, HOLD
from bot.service.labels import INPUT_COLOR

_HEAD: Final = """\
# Labels

<!-- Generated from the code by `agent-fleet docs build`; change the code, not this page. -->

`agent-fleet setup OWNER/REPO` makes them. Colours and descriptions may be changed, names not.

## Set by people

The bot never puts these back and never takes them away. A label is not an authorisation: what counts is who set it, and
what the forge says of their rights ([security](../explanation/security.md)).

| Label | Meaning |
|---|---|
"""
_HALT: Final = (
    "In the control repository: stops the whole fleet while an open issue carries it; somebody with admin rights must "
    "have set it."
)
_SHOWN: Final = """\

## Set by the bot

One at a time; changed by hand, it is put back.

| Label | Colour | Meaning | States of the task |
|---|---|---|---|
"""


def labels_page() -> str:
    """The text of the page."""
    short = ", ".join(f"`{PREFIX}{name}` means `{PREFIX}{kind}`" for name, kind in sorted(ALIASES.items()))
    ranks = sorted(PRIORITIES, key=lambda name: PRIORITIES[name])
    people = [
        (f"{PREFIX}{ANY}", "An agent shall work on it, whichever. Assigning the bot to the issue does the same."),
        (f"{PREFIX}X", f"Needs an agent whose type is `X` or that offers `X`; several must all be met. {short}."),
        *((f"priority:{name}", _PLACE[name]) for name in ranks),
        (HOLD, "Keeps the issue out of the queue until it is taken away."),
        (HALT, _HALT),
    ]  # fmt: skip
    rows = [f"| `{name}` | {meaning} |" for name, meaning in people]
    return _HEAD + "\n".join(rows) + f"\n\nTheir colour is `#{INPUT_COLOR}` when made.\n" + _SHOWN + _shown() + "\n"


_PLACE: Final = {
    "high": "Before all others in the queue.",
    "normal": "As without a label.",
    "low": "After all others in the queue.",
}


def _shown() -> str:
    return "\n".join(
        f"| `fleet/{one.name}` | `#{one.color}` | {one.description} | "
        f"{', '.join(state.value for state in State if label_name(state) == one.name)} |"
        for one in STATE_LABELS
    )
