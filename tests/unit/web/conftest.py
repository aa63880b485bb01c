"""A server as its callers see it: real store, real application, a stand-in forge."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from bot.core.facts import Account, Issue, Repository
from bot.service import issues
from bot.service.fleet import Fleet
from bot.service.opening import opened
from bot.settings import Forgejo, Orchestrator, Server, Settings
from bot.standin import Standin
from bot.store import repo_files, tokens
from bot.web.application import make_app
from tests.world import databases

SECRET = "the hook's secret"
ENROLMENT = "enrolment-token-of-the-tests"
KNOWN = Repository(1, "ann/demo", "main", "http://forge.test/ann/demo.git", "http://forge.test/ann/demo")


def said_by(answer: TestResponse) -> Any:
    """The JSON of an answer."""
    assert answer.is_json, answer.text
    return answer.json


class Api:
    """Calls ``/api/v1`` with a token; ``body`` is sent as JSON unless it is bytes."""

    def __init__(self, client: FlaskClient, fleet: Fleet) -> None:
        self.client, self.fleet = client, fleet

    def call(self, method: str, path: str, body: Any = None, token: str = "", **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None and "content_type" not in more:
            more["content_type"] = "application/json"
        return self.client.open(
            f"/api/v1{path}", method=method, data=data, headers=headers | more.pop("headers", {}), **more
        )

    def token(self, role: str = "agent", agent: str = "", **more: Any) -> str:
        return self.fleet.store.write(
            lambda sql: tokens.create(sql, name=agent or role, role=role, agent=agent, at=self.fleet.clock(), **more)
        )

    def agent(self, name: str, *capabilities: str, **more: Any) -> str:
        """A registered agent's own token."""
        said = {"agent_id": name, "agent_type": "exec", "capabilities": list(capabilities), **more}
        answer = self.call("POST", "/agents/register", said, ENROLMENT)
        assert answer.status_code == 201, answer.text
        return str(said_by(answer)["agent_token"])

    def task(self, number: int = 1, *requirements: str) -> str:
        """A queued task; returns its id."""
        self.fleet.remember(KNOWN)
        now = self.fleet.clock()
        self.fleet.store.write(lambda sql: repo_files.read(sql, KNOWN.id, "main", "", now))
        issue = Issue(1, number, f"Issue {number}", "Please.", Account(7, "bob"), frozenset(), True, 1.0, 1.0, "")
        known = self.fleet.repo(1)
        return self.fleet.step(
            lambda step: issues.open_task(
                step,
                known,
                issue,
                Account(7, "bob"),
                may=True,
                trigger="label",
                cause=f"test:{number}",
                requirements=requirements,
                label_entry=0,
                last=None,
            )
        ).id

    def claimed(self, agent: str, token: str) -> tuple[str, int]:
        answer = self.call("POST", "/tasks/dequeue", {"agent_id": agent}, token)
        assert answer.status_code == 200, answer.text
        return said_by(answer)["task"]["task_id"], said_by(answer)["fence"]


def settings(root: Path, url: str = "http://forge.test", token: str = "bot", **orchestrator: Any) -> Settings:
    return Settings(
        server=Server(threads=8),
        forgejo=Forgejo(
            url=url, token=SecretStr(token), webhook_secret=SecretStr(SECRET), bot_id=99, bot_login="fleet-bot"
        ),
        orchestrator=Orchestrator(db_path=root / "fleet.db", http_pull_token=SecretStr(ENROLMENT), **orchestrator),
    )


@contextlib.contextmanager
def serving(made: Settings) -> Iterator[Api]:
    with databases.of_the_run(made.orchestrator.db_path.parent) as where:
        orchestrator = made.orchestrator.model_copy(update=databases.keys(where))
        made = made.model_copy(update={"orchestrator": orchestrator})
        with opened(made) as fleet, make_app(fleet).test_client() as client:
            yield Api(client, fleet)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Whose forge never answers; what needs none works."""
    with serving(settings(tmp_path, "http://127.0.0.1:1")) as made:
        yield made


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Standin]:
    made = Standin(tmp_path / "forge")
    repo = made.repository("ann/demo", files={"README.md": "# Demo\n", "login.py": "broken\n"})
    repo.grant(made.person("fleet-bot"), "admin")
    with made.serve():
        yield made


@pytest.fixture
def forged(tmp_path: Path, forge: Standin) -> Iterator[Api]:
    """With a forge that answers."""
    with serving(settings(tmp_path, forge.url, forge.person("fleet-bot").token)) as made:
        yield made
