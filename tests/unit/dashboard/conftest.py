"""A dashboard with people before it: a private and an open repository, and a forge that knows who may what."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from bot.core.events import Event
from bot.core.facts import Account, Issue
from bot.service import agents, issues
from bot.service.fleet import Fleet, Step
from bot.service.opening import opened
from bot.settings import Dashboard, Forgejo, Orchestrator, Server, Settings
from bot.settings.hosts import HostAgent, HostEntry
from bot.standin import Standin
from bot.store import forge_facts, log, tokens, web_sessions
from bot.store.web_sessions import WebSession
from bot.web.application import make_app
from tests.world import databases
from tests.world.clock import Clock
from tests.world.forge_browser import ForgeBrowser

URL: Final = "http://fleet.test:9090"
PRIVATE, OPEN = "ann/demo", "ann/open"
#: Who they are in the private repository.
PEOPLE: Final = {"admin": "ann", "writer": "bob", "reader": "carl", "stranger": "zoe"}
MACHINE: Final = HostEntry(
    host_id="vm-1",
    hostname="vm-1.test",
    ssh_user="fleet",
    ssh_agent=True,
    work_dir="/srv/fleet",
    agents=[HostAgent(agent_type="codex-cli")],
)


class Visit:
    """One browser at the dashboard, and the same person's at the forge."""

    def __init__(self, house: "House", login: str = "") -> None:
        self.house, self.login = house, login
        self.client: FlaskClient = house.app.test_client()

    def gets(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url=URL, headers={"Accept": "text/html", **headers})

    def csrf(self, page: str = "/login") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.gets(page).text)
        return found[1] if found else ""

    def posts(self, path: str, csrf: str | None = None, origin: str = URL, **form: str) -> TestResponse:
        """As a form on one of our pages does; ``csrf`` and ``origin`` are for those that are not."""
        form["csrf"] = self.csrf() if csrf is None else csrf
        return self.client.post(path, base_url=URL, data=form, headers={"Origin": origin, "Accept": "text/html"})

    def begins_at_the_forge(self, onward: str = "/login") -> dict[str, str]:
        """What the forge sends back with; the browser is at the forge and has allowed it."""
        sent = self.gets(f"/login/forge?next={onward}")
        assert sent.status_code == 303, sent.text
        with contextlib.closing(self.at_the_forge()) as browser:
            return browser.authorizes(sent.headers["Location"])

    def at_the_forge(self) -> ForgeBrowser:
        return ForgeBrowser(self.house.forge.url, self.login, self.house.forge.people[self.login].password)

    def signs_in(self, onward: str = "/login") -> TestResponse:
        told = self.begins_at_the_forge(onward)
        return self.client.get("/login/callback", base_url=URL, query_string=told)

    def signs_in_with(self, token: str) -> TestResponse:
        return self.posts("/login/token", token=token, next="/login")

    @property
    def is_known_as(self) -> str:
        found = re.search(r"signed in as <strong>([^<]*)", self.gets("/login").text)
        return found[1] if found else ""

    def session_cookie(self) -> str:
        found = self.client.get_cookie("agent-fleet-9090", domain="fleet.test")
        return found.value if found else ""


class House:
    """The running application, its forge, its clock."""

    def __init__(self, app: Flask, fleet: Fleet, forge: Standin, clock: Clock) -> None:
        self.app, self.fleet, self.forge, self.clock = app, fleet, forge, clock

    def visit(self, login: str = "") -> Visit:
        return Visit(self, login)

    def signed_in(self, login: str) -> Visit:
        """Somebody whose sign-in was some other test's concern."""
        made, now = self.visit(login), self.clock()
        session = WebSession(web_sessions.FORGE, self.forge.people[login].id, login, "", now, now)
        secret = self.fleet.store.write(lambda sql: web_sessions.open_one(sql, session))
        made.client.set_cookie("agent-fleet-9090", secret, domain="fleet.test")
        return made

    def task(self, repo: str, number: int, title: str, by: str = "bob") -> str:
        """A queued task; returns its id."""
        known, now = self.fleet.remember(self.fleet.forge.repos.named(repo)), self.clock()
        account = Account(self.forge.person(by).id, by)
        issue = Issue(known.id, number, title, "Please.", account, frozenset(), True, now, now, "")

        def command(step: Step) -> str:
            forge_facts.remember_issue(step.sql, issue)
            facts = {"trigger": "label", "cause": f"test:{repo}:{number}", "requirements": (), "label_entry": 0}
            return issues.open_task(step, known, issue, account, may=True, last=None, **facts).id  # type: ignore[arg-type]

        return self.fleet.step(command)

    def agent(self, name: str, **more: Any) -> None:
        """A registered one."""
        said = agents.Registration(name, "exec", ("python",), max_concurrency=2, **more)
        agents.register(self.fleet, said, hand_out_token=False, legacy=False)

    def happens(self, task_id: str, *events: Event) -> None:
        """In the log and its projections; nothing is asked of the forge."""
        for event in events:
            self.clock.forward(60)

            def command(step: Step, event: Event = event) -> None:
                before = step.task(task_id)
                cause = f"{task_id}:{before.version}"
                log.append(step.sql, before, task_id, event, cause=cause, actor="fleet", at=step.now)

            self.fleet.step(command)

    def token(self, role: str = "admin", **more: Any) -> str:
        at = self.clock()
        return self.fleet.store.write(lambda sql: tokens.create(sql, name="ops", role=role, at=at, **more))


@contextlib.contextmanager
def a_house(root: Path, **dashboard: Any) -> Iterator[House]:
    forge, clock = Standin(root / "forge"), Clock()
    for name, private in ((PRIVATE, True), (OPEN, False)):
        repo = forge.repository(name, {}, private=private)
        repo.grant(forge.person("fleet-bot"), "admin")
        repo.grant(forge.person("bob"), "write")
        repo.grant(forge.person("carl"), "read")
    forge.person("zoe")
    application = forge.oauth.register(1, "fleet", f"{URL}/login/callback")
    settings = {"client_id": application.client_id, "client_secret": SecretStr(application.secret), **dashboard}
    with forge.serve() as url, databases.of_the_run(root) as where:
        made = Settings(
            server=Server(threads=8, public_url=URL),
            forgejo=Forgejo(url=url, token=SecretStr(forge.person("fleet-bot").token), agent_accounts=["robot"]),
            orchestrator=Orchestrator(**databases.keys(where)),
            dashboard=Dashboard(**settings),
            hosts=[MACHINE],
        )
        with opened(made) as fleet:
            fleet.clock = clock
            for name in (PRIVATE, OPEN):
                fleet.remember(fleet.forge.repos.named(name), watch=True)
            yield House(make_app(fleet), fleet, forge, clock)


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """``@pytest.mark.world(anonymous=True)``: with these settings of ``[dashboard]``."""
    marked = request.node.get_closest_marker("world")
    with a_house(tmp_path, **(marked.kwargs if marked else {})) as made:
        yield made
