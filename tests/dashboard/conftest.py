"""A browser before a running server. Each page that is opened must end without a complaint of the browser's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

from bot.store import Sql, beats, web_sessions
from bot.store.web_sessions import WebSession
from tests.world import World
from tests.world.people import Someone
from tests.world.world import world as build

CHROMIUM: Final = Path("/usr/bin/chromium")
_ARGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: What the browser itself says while a server is away; it is no fault of a page's.
_AWAY: Final = ("net::ERR_EMPTY_RESPONSE", "net::ERR_CONNECTION", "net::ERR_INCOMPLETE_CHUNKED")
_AXE: Final = (Path(__file__).parent / "axe.min.js").read_text("utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("dashboard")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {CHROMIUM} (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_ARGS))
        yield browser
        browser.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with build(tmp_path) as made:
        made.lets_people_sign_in()
        works(made)
        yield made
        made.issues.clear()  # what the bot wrote on the forge is other stories' concern


def works(world: World) -> None:
    """As if the worker's loops had just come round."""

    def command(sql: Sql) -> None:
        for name in ("inbox", "outbox", "dispatch", "timers"):
            beats.beat(sql, name, world.clock())

    world.store.write(command)


class Window:
    """Somebody's browser window, and what it complained of."""

    def __init__(self, browser: Browser, world: World, who: Someone | None, **more: Any) -> None:
        self.world = world
        self.context = browser.new_context(base_url=world.url, **more)
        self.context.set_default_timeout(15_000)
        self.server_goes_away = False
        self.complaints: list[str] = []
        self.elsewhere: set[str] = set()
        if who is not None:
            self.context.add_cookies([{"name": self._cookie(), "value": self._session(who), "url": world.url}])
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda problem: self._complain(str(problem)))
        self.page.on("dialog", self._closes)
        self.page.on("request", lambda request: self._ask(request.url))

    def _cookie(self) -> str:
        return f"agent-fleet-{self.world.url.rpartition(':')[2]}"

    def _session(self, who: Someone) -> str:
        now = self.world.clock()
        session = WebSession(web_sessions.FORGE, who.person.id, who.login, "", now, now)
        return self.world.store.write(lambda sql: web_sessions.open_one(sql, session))

    def _closes(self, dialog: Dialog) -> None:
        self._complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _hear(self, said: ConsoleMessage) -> None:
        ours = not said.location["url"].startswith(f"{self.world.forge.url}/")
        if ours and said.type in ("error", "warning"):
            self._complain(said.text)

    def _complain(self, said: str) -> None:
        if not (self.server_goes_away and any(known in said for known in _AWAY)):
            self.complaints.append(said)

    def _ask(self, url: str) -> None:
        if not url.startswith((f"{self.world.url}/", "data:", "blob:")):
            self.elsewhere.add(url)

    def opens(self, path: str) -> Page:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, answer.status
        return self.page

    def axe(self) -> list[str]:
        """What axe finds, in a word each. Its script is brought in from outside the page, past the page's policy."""
        self.page.evaluate(_AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]

    def is_content(self) -> None:
        assert not self.complaints, self.complaints
        assert not self.elsewhere, self.elsewhere

    def close(self) -> None:
        self.context.close()


Opener = Callable[..., Window]


@pytest.fixture
def window(chromium: Browser, world: World) -> Iterator[Opener]:
    """Opens a window for somebody; at the end none may have complained."""
    opened: list[Window] = []

    def open_one(who: Someone | None = None, **more: Any) -> Window:
        opened.append(Window(chromium, world, who, **more))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
    for one in opened:
        one.is_content()
