"""The world itself: builds everything, lets time pass, and checks at the end that nothing is left over."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from bot.core.text import clock as clock_time
from bot.dispatch.dispatcher import Deed, Dispatcher, in_a_thread
from bot.dispatch.workflows import WorkflowDispatcher
from bot.forge import Api, Forge
from bot.forge.transport import session
from bot.service import sweep
from bot.service.fleet import Fleet
from bot.settings import Actions, Dashboard, Forgejo, Orchestrator, Server, Settings
from bot.settings.hosts import HostEntry
from bot.settings.sections import Adapter
from bot.standin import Repository, Standin
from bot.store import Store, database, inbox, outbox, tasks, tokens, verify
from bot.store.engines import Where
from bot.web.application import make_app
from bot.worker import settle
from tests.world import databases
from tests.world.agents import PullAgent
from tests.world.clock import Clock
from tests.world.http import Site
from tests.world.issues import IssueView
from tests.world.people import Someone
from tests.world.power import Power, PowerCut

SECRET = "the hook's secret"
ENROLMENT = "enrolment-token-of-the-world"
_SECTIONS = ("rework", "budget", "prices", "notify", "needs_approval", "rate_limits", "follow_ups")
_MAX_CATCH_UP_SECS = 30
_PATIENCE_SECS = 60.0


class World:
    """``owner`` administers the repository, ``writer`` may push, ``reader`` may look, ``outsider`` is nobody's."""

    def __init__(
        self,
        root: Path,
        database_at: Where,
        forge: Standin,
        site: Site,
        power: Power,
        url: str,
        clock: Clock,
        **keys: Any,
    ) -> None:
        self.forge, self.clock, self.url, self.power = forge, clock, url, power
        self._root, self._site, self._keys = root, site, keys
        self._database = database_at
        self.agents: list[PullAgent] = []
        self.issues: list[IssueView] = []
        self.read: set[int] = set()
        self.bot = forge.person("fleet-bot")
        self.owner = Someone(self, forge.person("ann"))
        self.writer = Someone(self, forge.person("bob"))
        self.reader = Someone(self, forge.person("carl"))
        self.outsider = Someone(self, forge.person("zoe"))
        self.repo = self._repository()
        self.expects_leftovers = False
        self.hosts: list[HostEntry] = []
        self.commands: dict[str, Adapter] = {}
        self.in_background = False
        self.actions = Actions()
        self.dashboard = Dashboard()
        self._start()
        self.fleet.remember(self.fleet.forge.repos.named("ann/demo"), watch=True)  # as `agent-fleet setup` does

    def _repository(self) -> Repository:
        repo = self.forge.repository("ann/demo", files={"README.md": "# Demo\n", "login.py": "broken\n"})
        repo.grant(self.writer.person, "write")
        repo.grant(self.reader.person, "read")
        repo.grant(self.bot, "admin")
        for name in ("agent:any", "agent:python", "agent:rust", "agent:gpu", "bug", "priority:high", "priority:low"):
            repo.label(name)
        repo.hook(
            f"{self.url}/api/v1/webhooks/forgejo",
            secret=SECRET,
            events=["issues", "pull_request", "push", "action_run_success", "action_run_failure"],
            active=True,
        )
        return repo

    def _start(self) -> None:
        sections = {name: self._keys[name] for name in _SECTIONS if name in self._keys}
        keys = {name: value for name, value in self._keys.items() if name not in sections}
        orchestrator = {"data_dir": str(self._root / "data"), **keys, **databases.keys(self._database)}
        self.settings = Settings(
            server=Server(public_url=self.url),
            forgejo=Forgejo(url=self.forge.url, token=SecretStr(self.bot.token), webhook_secret=SecretStr(SECRET)),
            orchestrator=Orchestrator(http_pull_token=SecretStr(ENROLMENT), **orchestrator),
            hosts=self.hosts,
            actions=self.actions,
            dashboard=self.dashboard,
            adapters=self.commands,
            **sections,
        )
        database.migrate(self._database)
        self.store: Store = database.open_store(self._database)
        self.store.write = self.power.around(self.store.write)  # type: ignore[method-assign]
        http = session()
        http.request = self.power.around(http.request)  # type: ignore[method-assign]
        api = Api(self.forge.url, self.bot.token, session=http)
        self.fleet = _Mirrored(self.settings, self.store, Forge(api), clock=self.clock, chance=lambda: 0.5)
        self.fleet.power = self.power
        self._site.application = make_app(self.fleet)
        carry_out = in_a_thread if self.in_background else _at_once
        self.dispatcher = Dispatcher(self.fleet, carry_out, pause_secs=0.01)
        self.workflows = WorkflowDispatcher(self.fleet)
        for host in self.dispatcher.sites.values():
            host.ask = self.power.around(host.ask)  # type: ignore[method-assign]

    def restarts(self) -> None:
        """The server comes up again on the same database."""
        self.stops()
        self.comes_up()

    def comes_up(self) -> None:
        self.power.comes_back()
        self._start()

    def stops(self) -> None:
        self._site.application = None
        self.dispatcher.stop()
        self.fleet.forge.close()
        self.store.close()

    # --- time -------------------------------------------------------------------------------------------

    def settles(self) -> None:
        """Webhooks arrive, the worker does what is due, until nothing is."""
        self.dispatcher.look_after()
        for _ in range(50):
            arrived = self.forge.deliveries.deliver_all()
            settle(self.fleet, dispatch=lambda: self.dispatcher.turn() + self.workflows.turn())
            if not arrived and not self.forge.deliveries.waiting:
                return
        raise AssertionError("the world does not come to rest")

    def waits_until(self, look: Callable[[], object], what: str) -> None:
        """Real time passes, for real processes, until ``look`` finds what it looks for."""
        deadline = time.monotonic() + _PATIENCE_SECS
        self.settles()
        while not look():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.02)
            self.settles()

    def sweeps(self) -> None:
        sweep.sweep(self.fleet)
        self.settles()

    def seconds_pass(self, secs: float, step: float = 20) -> None:
        """Agents that live beat their hearts meanwhile."""
        self.settles()
        while secs > 0:
            self.clock.forward(min(step, secs))
            secs -= step
            for agent in self.agents:
                agent.lives_on()
            self.settles()

    def minutes_pass(self, minutes: float) -> None:
        self.seconds_pass(minutes * 60)

    def time(self) -> str:
        """As texts show it."""
        return clock_time(self.clock())

    def catches_up(self) -> None:
        """Waits out the pause between two edits of a status comment."""
        self.settles()
        for _ in range(_MAX_CATCH_UP_SECS):
            if not self.fleet.read(outbox.pending):
                return
            self.clock.forward(1)
            self.settles()

    # --- people and agents ------------------------------------------------------------------------------

    def pull_agent(
        self, name: str, capabilities: Sequence[str] = (), *, agent_type: str = "exec", max_concurrency: int = 1
    ) -> PullAgent:
        agent = PullAgent(self, name, tuple(capabilities), agent_type, max_concurrency)
        agent.registers(ENROLMENT)
        self.agents.append(agent)
        return agent

    def has_hosts(self, *hosts: HostEntry, in_background: bool = False, **commands: Adapter) -> None:
        """The configuration names them, and the server is started with it.

        Runs are waited for where they are started, unless they go on ``in_background``.
        """
        self.hosts, self.commands, self.in_background = list(hosts), commands, in_background
        self.restarts()
        self.settles()

    def lets_people_sign_in(self) -> None:
        """The server is started again as an application of the forge; the owner runs the fleet there."""
        made = self.forge.oauth.register(1, "fleet", f"{self.url}/login/callback")
        self.dashboard = Dashboard(
            client_id=made.client_id, client_secret=SecretStr(made.secret), admins=[self.owner.login]
        )
        self.restarts()

    def operator_says(self, issue: IssueView, answer: str) -> None:
        """Through the API, with an operator's token."""
        self._operator("POST", issue, "/say", {"text": answer})
        self.settles()

    def operator_retries(self, issue: IssueView) -> None:
        self._operator("POST", issue, "/retry", {})
        self.settles()

    def operator_steers(self, verb: str, said: dict[str, Any], *, status: int = 200) -> dict[str, Any]:
        """Pauses, resumes or halts through the API; what the answer shows of the fleet."""
        at = self.clock()
        token = self.store.write(lambda sql: tokens.create(sql, name="ops", role="admin", at=at))
        headers = {"Authorization": f"Bearer {token}"}
        done = requests.post(f"{self.url}/api/v1/fleet/{verb}", json=said, headers=headers, timeout=30)
        assert done.status_code == status, done.text
        self.settles()
        return dict(done.json())

    def operator_sees(self, issue: IssueView) -> dict[str, Any]:
        """The issue's newest task as the API shows it."""
        return dict(self._operator("GET", issue, "", None).json())

    def _operator(self, method: str, issue: IssueView, verb: str, body: dict[str, Any] | None) -> requests.Response:
        now = self.clock()
        token = self.store.write(lambda sql: tokens.create(sql, name="ops", role="write", at=now))
        task = self.fleet.read(lambda sql: tasks.newest_of_issue(sql, self.repo.id, issue.number))
        assert task is not None
        done = requests.request(
            method,
            f"{self.url}/api/v1/tasks/{task.id}{verb}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert done.status_code == 200, done.text
        return done

    # --- the end ----------------------------------------------------------------------------------------

    def check(self) -> None:
        """What must hold after every story."""
        if self.power.is_cut:
            self.restarts()
        self.catches_up()
        differences = self.fleet.read(lambda sql: list(verify.differences(sql)))
        assert not differences, f"the log and its projections differ: {differences}"
        assert self.expects_leftovers or not self.fleet.read(outbox.pending), "the outbox is not empty"
        assert not self.fleet.read(inbox.put_aside), "a webhook made our own code fail"
        failed = [s for s in self._site.statuses if s[2] >= 500 and s[2] != 503]
        assert not failed, f"answered with a server error: {failed}"
        for issue in self.issues:
            unread = [c.body for c in issue.bot_comments() if c.id not in self.read]
            assert not unread, f"the bot wrote what no line of the story read: {unread}"


def _at_once(name: str, deed: Deed) -> None:
    deed()


class _Mirrored(Fleet):
    """Pushes and imports are points where the power can be cut, too."""

    power: Power

    def mirror(self, repo: Any) -> Any:
        found = super().mirror(repo)
        for name in ("push", "import_result", "fetch", "put_note"):
            setattr(found, name, self.power.around(getattr(found, name)))
        return found


@contextlib.contextmanager
def world(root: Path, *, clock: Clock | None = None, **keys: Any) -> Iterator[World]:
    """A world in ``root``; ``keys`` are settings of ``[orchestrator]``, or whole sections."""
    clock, power = clock or Clock(), Power()
    forge = Standin(root / "forge", clock=clock, deliveries="manual")
    site = Site(power)
    with forge.serve(), site.serve() as url, databases.database(databases.engine.get(), root, empty=True) as where:
        made = World(root, where, forge, site, power, url, clock, **keys)
        try:
            yield made
            made.check()
        finally:
            with contextlib.suppress(PowerCut):
                made.stops()
