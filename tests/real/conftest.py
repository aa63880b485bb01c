"""Starts what the tests in here need. Without a Forgejo none is collected; ``tests/conftest.py`` says so.

Which Forgejo: see ``tests/contract/real.py``. ``REHEARSE=1`` runs the same tests on the stand-in, to try out the
tests themselves; that proves nothing about Forgejo.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.contract import real
from tests.contract.target import StandinTarget, Target
from tests.real.place import Place

REHEARSED: Final = os.environ.get("REHEARSE") == "1"
TARGETS: Final = [*(["forgejo"] if real.is_there() else []), *(["stand-in"] if REHEARSED else [])]

collect_ignore_glob: Final = [] if TARGETS else ["test_*.py"]


@pytest.fixture(scope="session", params=TARGETS)
def forge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The forge that everything happens on."""
    root = tmp_path_factory.mktemp("forge")
    with ExitStack() as stack:
        if request.param == "stand-in":
            standin = StandinTarget(root)
            standin.url = stack.enter_context(standin.forge.serve())
            yield standin
        else:
            yield stack.enter_context(real.forgejo(root))


@pytest.fixture
def place(forge: Target, tmp_path: Path) -> Iterator[Place]:
    """A repository of its own on that forge with its people, and nothing of the fleet yet."""
    with Place(forge, tmp_path) as made:
        yield made
