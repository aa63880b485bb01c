"""What fulfilling a wish of the outbox is."""

from collections.abc import Callable
from typing import Any

from bot.service.fleet import Fleet
from bot.store.outbox import Wish

#: What was learnt: a comment's id …
Known = dict[str, Any]
Publisher = Callable[[Fleet, Wish], Known]


class NotWanted(Exception):
    """The wish is out of date: nothing is done."""
