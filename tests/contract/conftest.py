"""Starts the forges that the contract is checked on, once each (which one was missing: ``tests/conftest.py``)."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract import real
from tests.contract.covered import compared
from tests.contract.drive import Drive
from tests.contract.situations import ACCEPT, BEFORE, people_and_repositories
from tests.contract.target import StandinTarget, Target

TARGETS = ["stand-in", *(["forgejo"] if real.is_there() else [])]


@pytest.fixture(scope="session", params=TARGETS)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The forge under test with its people and repositories."""
    root = tmp_path_factory.mktemp("forge")
    with ExitStack() as stack:
        if request.param == "stand-in":
            standin = StandinTarget(root)
            standin.url = stack.enter_context(standin.forge.serve())
            chosen: Target = standin
        else:
            chosen = stack.enter_context(real.forgejo(root))
        people_and_repositories(chosen)
        yield chosen


@pytest.fixture(scope="session")
def drive(target: Target) -> Drive:
    """All recorded API calls, made on the target."""
    made = Drive(target)
    made.run(compared(), BEFORE, ACCEPT)
    return made
