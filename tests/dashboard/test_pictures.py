"""The pictures of README and docs: a lively fleet, light and dark. Kept when `SCREENSHOTS` names a folder."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import Opener, works
from tests.dashboard.test_pages import address, prints
from tests.world import World
from tests.world.issues import IssueView

_LOG = """\
Reading what is asked …
Found login.py and 3 tests that call it.
$ python -m unittest tests.test_login
FAIL: test_expired_session (tests.test_login.Login)
The session is compared with local time; the server counts in UTC.
Writing login.py …
$ python -m unittest tests.test_login
Ran 3 tests in 0.012s: OK
"""


def used(usd: float) -> list[dict[str, object]]:
    """As an agent tells it."""
    return [{"model": "m", "kind": "run", "in": 20_000, "out": 3_000, "cost_usd": usd}]


def lively(world: World) -> IssueView:
    """Tasks in every state; returns the one to look at closely."""
    clara = world.writer
    fast, slow = world.pull_agent("gpu-1", ["python"], agent_type="codex-cli"), world.pull_agent("vm-2", ["rust"])
    world.pull_agent("vm-3", ["docs"], agent_type="claude-code", max_concurrency=2).beats()
    done = clara.opens_issue("Show durations with hours", labels=["agent:python"])
    fast.claims(done).starts().reports("writing", usage=used(0.42)).finishes(changing={"duration.py": "fixed"})
    world.catches_up()
    clara.merges(done)
    broken = clara.opens_issue("Port the parser", labels=["agent:python"])
    fast.claims(broken).starts().reports("reading", usage=used(0.17)).fails("the tests do not pass", "policy")
    asked = clara.opens_issue("Which database should it be?", labels=["agent:rust"])
    slow.claims(asked).asks("PostgreSQL or SQLite?")
    ready = clara.opens_issue("Explain the retry rules", labels=["agent:rust"])
    slow.claims(ready).finishes(changing={"docs.md": "explained"})
    running = clara.opens_issue("Sessions end an hour early", "See `tests/test_login.py`.", labels=["agent:python"])
    world.minutes_pass(2)
    fast.claims(running).starts("running the tests", [("read the issue", True), ("run the tests", False)])
    for title in ("Make slugs of titles", "The median of an even list is wrong"):
        clara.opens_issue(title, labels=["agent:python", "agent:any"])
    clara.opens_issue("Train the model", labels=["agent:gpu"])
    held = clara.opens_issue("Rename the package", labels=["agent:rust"])
    clara.says(held, "/fleet hold until the release is out")
    stranger = world.outsider.opens_issue("Please run this for me")
    world.outsider.says(stranger, "/fleet run")
    world.minutes_pass(1)
    world.catches_up()
    prints(world, running, _LOG)
    works(world)
    return running


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_a_lively_fleet(world: World, window: Opener, tmp_path: Path, colors: str) -> None:
    issue = lively(world)
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    at = window(world.writer, viewport={"width": 1280, "height": 900}, color_scheme=colors)
    for name, path, text in (
        ("now", "/", "gpu-1 works on it: running the tests"),
        ("task", address(issue), "Ran 3 tests in 0.012s: OK"),
    ):
        page = at.opens(path)
        expect(page.locator("main")).to_contain_text(text)
        assert at.axe() == [], path
        page.screenshot(path=folder / f"dashboard-{name}-{colors}.png", full_page=True)
        assert (folder / f"dashboard-{name}-{colors}.png").stat().st_size > 20_000
    page = at.opens("/history")
    expect(page.locator("main")).to_contain_text("All of them cost $0.59")
    page.locator("summary").click()
    assert at.axe() == []
