"""Organisations: an account that people own, with labels and webhooks for all its repositories."""

from dataclasses import dataclass, field

from bot.standin.hooks import Hook
from bot.standin.labels import Label
from bot.standin.people import Person


@dataclass(eq=False)
class Organization:
    """``account`` is what its repositories belong to; nobody signs in as it."""

    account: Person
    owners: set[Person] = field(default_factory=set)
    labels: list[Label] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
