"""A served fleet, and agents that run in threads of the test."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.base import Adapter, Template
from bot.adapters.registry import adapter
from bot.agent.agent import About, Agent
from bot.agent.client import Client
from bot.agent.credentials import Credentials
from bot.agent.journal import Journal
from bot.agent.run import Site
from tests.unit.agent.fleet import ENROLMENT, Fleet, serving


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    folder = tmp_path / "server"
    folder.mkdir()
    fleet = Fleet(folder)
    with serving(fleet):
        yield fleet


class Host:
    """A machine with a work directory, on which agents can be started."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        self.work_dir = folder / "agent"
        self.token_file = folder / "token"
        self.token_file.write_text(f"{ENROLMENT}\n")
        self.token_file.chmod(0o600)

    def agent(
        self,
        code: str,
        *,
        prompt: str = "stdin",
        drain_secs: float = 0,
        wait_secs: int = 1,
        tidy_every_secs: float = 3600,
        slots: int = 1,
        env: Any = None,
        kind: type[Adapter] | None = None,
        **site: Any,
    ) -> Agent:
        """An agent whose command is this Python program, understood by ``kind`` (else by ``exec``)."""
        template = Template((sys.executable, "-c", code), prompt, tuple(env or ()))
        journal = Journal(self.work_dir)
        workspaces = self.work_dir / "work"
        workspaces.mkdir(exist_ok=True)
        credentials = Credentials(self.token_file, self.work_dir / "me.token", workspaces)
        client = Client(self.fleet.url, "me", credentials.token)
        found = Site(
            client=client,
            journal=journal,
            workspaces=workspaces,
            agent_id="me",
            agent_type="mine",
            host="here",
            adapter=lambda: kind(template) if kind else adapter("mine", {"mine": template}),
            secrets=credentials.secrets,
            outside={**os.environ, **(env or {})},
            report_every_secs=0.01,
            grace_secs=1,
            **site,
        )
        about = About("mine", ["code:python"], slots, "here")
        return Agent(
            client,
            credentials,
            journal,
            about,
            found,
            drain_secs=drain_secs,
            wait_secs=wait_secs,
            tidy_every_secs=tidy_every_secs,
        )

    @contextmanager
    def running(self, agent: Agent) -> Iterator[Agent]:
        """The agent at work, stopped at the end; what made it end is raised here."""
        failure: list[BaseException] = []

        def life() -> None:
            try:
                agent.run()
            except BaseException as error:  # noqa: BLE001 - raised below
                failure.append(error)

        thread = threading.Thread(target=life)
        thread.start()
        try:
            yield agent
        finally:
            agent.stop()
            thread.join(60)
        assert not thread.is_alive()
        if failure:
            raise failure[0]


@pytest.fixture
def host(fleet: Fleet, tmp_path: Path) -> Host:
    return Host(fleet, tmp_path)
