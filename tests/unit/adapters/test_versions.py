"""What is recorded, what is driven and what the adapters say they have seen is the same version."""

import re
import sys

import pytest

from bot.adapters.dialect import Dialect
from bot.adapters.reference import agent_kinds, agent_page
from bot.adapters.registry import adapters
from tests.agents.installs import cli_names, versions
from tests.agents.pointing import POINTINGS
from tests.unit.adapters.transcripts import folders


def test_every_agent_cli_is_driven_for_real() -> None:
    assert {adapters()[name] for name in cli_names()} == set(agent_kinds())
    assert set(POINTINGS) == set(cli_names())


@pytest.mark.parametrize("name", cli_names())
def test_the_pinned_version_is_the_recorded_and_the_seen_one(name: str) -> None:
    version = re.split(r"==|(?<=.)@", versions()[name]["packages"][0])[-1]
    kind = adapters()[name]
    assert re.search(rf"seen: .*\b{re.escape(version)}\b", sys.modules[kind.__module__].__doc__ or "")
    recorded = {(adapters()[folder.name.rpartition("-")[0]], folder.name.rpartition("-")[2]) for folder in folders()}
    assert (kind, version) in recorded


@pytest.mark.parametrize("kind", agent_kinds(), ids=lambda kind: kind.__name__)
def test_its_page_tells_how_it_is_started_and_read(kind: type[Dialect]) -> None:
    page = agent_page(kind)
    assert f'`agent_type = "{kind.names[0]}"`' in page
    assert f"\n{kind.binary} " in page
    assert "``" not in page.replace("```", "")
    assert "{" not in re.sub(r"`[^`]*`", "", page)
