"""A small Forgejo for tests, the demo and users' own trials.

People, issues, pull requests, webhooks and real git repositories over HTTP, rendered from one state.
It behaves like Forgejo 15.0: the contract suite (``tests/contract``) holds it to recordings of the real one.
"""

from bot.standin.answers import Refusal
from bot.standin.deliveries import Delivery
from bot.standin.faults import Faults
from bot.standin.forge import Standin
from bot.standin.hooks import Hook
from bot.standin.issues import Entry, Issue
from bot.standin.labels import Label
from bot.standin.people import Person, Token
from bot.standin.pulls import Pull
from bot.standin.repositories import Repository
from bot.standin.reviews import Review

__all__ = [
    "Delivery",
    "Entry",
    "Faults",
    "Hook",
    "Issue",
    "Label",
    "Person",
    "Pull",
    "Refusal",
    "Repository",
    "Review",
    "Standin",
    "Token",
]
