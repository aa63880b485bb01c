"""Pages in a browser: they live, follow, obey, and hurt nobody."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bot.core.states import State
from bot.store import attempts, log, run_logs
from tests.dashboard.conftest import Opener, Window
from tests.world import World
from tests.world.issues import IssueView

#: How often something on the page has moved since it was opened.
_SHIFTED = """() => new Promise((tell) => {
  const watch = new PerformanceObserver(() => 0);
  watch.observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => tell(watch.takeRecords().length)));
})"""


_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("main *")].filter(x => x.getBoundingClientRect().right > innerWidth + 1)
  .map(x => x.outerHTML.slice(0, 100))"""


def prints(world: World, issue: IssueView, text: str) -> None:
    """The agent that works on it prints ``text``."""
    task = issue.task()

    def command(sql: Any) -> None:
        known = attempts.get(sql, task.id, task.fence)
        assert known is not None
        run_logs.append(sql, task.id, task.fence, known.log_bytes, text)

    world.store.write(command)


def address(issue: IssueView) -> str:
    return f"/tasks/{issue.task().id}"


def begun(world: World, title: str = "Fix the login") -> IssueView:
    """An issue that an agent works on."""
    issue = world.writer.opens_issue(title, "It says no.", labels=["agent:any"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts("reading")
    world.settles()
    return issue


def test_the_board_lives(world: World, window: Opener) -> None:
    page = window(world.writer).opens("/")
    expect(page.locator("#alarms")).to_contain_text("Everything is running.")
    assert page.evaluate(_SHIFTED) == 0
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    expect(page.locator(".s-queued")).to_contain_text("Fix the login")
    expect(page.locator("#queue")).to_contain_text("when an agent for it comes")
    agent = world.pull_agent("gpu-1", ["python"])
    expect(page.locator("#agents")).to_contain_text("gpu-1")
    agent.claims(issue).starts("reading login.py")
    expect(page.locator(".s-running")).to_contain_text("gpu-1 works on it: reading login.py")
    expect(page.locator(".s-queued .count")).to_have_text("0")
    world.writer.says(issue, "/fleet cancel")
    expect(page.locator(".s-cancelled")).to_contain_text("Fix the login")


def test_the_log_follows_and_a_reconnect_loses_and_doubles_nothing(world: World, window: Opener) -> None:
    issue = begun(world)
    prints(world, issue, "line 0\nlin")
    at = window(world.writer)
    at.server_goes_away = True
    page = at.opens(address(issue))
    expect(page.locator("#log")).to_have_text("line 0\nlin")
    for number in range(1, 6):
        prints(world, issue, f"e {number}\nlin")
    expect(page.locator("#log")).to_contain_text("line 5")
    world.stops()
    world.comes_up()
    for number in range(6, 12):
        prints(world, issue, f"e {number}\nlin")
    expect(page.locator("#log")).to_contain_text("line 11")
    whole = "".join(f"line {number}\n" for number in range(12)) + "lin"
    assert page.locator("#log").evaluate("x => x.textContent") == whole
    scrolled = page.locator("#log").evaluate("x => x.scrollHeight - x.scrollTop - x.clientHeight")
    assert scrolled < 2
    page.fill("#q", "line 7")
    page.click("text=Find")
    expect(page.locator("#found")).to_contain_text("8: line 7")
    with page.expect_download() as taken:
        page.click("text=Download")
    assert taken.value.path().read_text() == whole


def with_the_mouse(page: Page, name: str) -> None:
    page.click(f"#b-{name}")


def with_the_keyboard(page: Page, name: str) -> None:
    """From the beginning of the page, with Tab and Enter alone."""
    page.locator("#main").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == f"b-{name}":
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"nobody comes to {name} by Tab")


@pytest.mark.parametrize("press", [with_the_mouse, with_the_keyboard])
def test_every_button(world: World, window: Opener, press: Any) -> None:
    issue = world.outsider.opens_issue("Please fix it", "The login is broken.", labels=[])
    world.outsider.says(issue, "/fleet run")
    issue.tells("Someone with write access")
    page = window(world.writer).opens(address(issue))
    expect(page.locator("#asked")).to_contain_text("The login is broken.")
    agent = world.pull_agent("gpu-1", ["python"])

    def does(name: str, state: State, words: str = "") -> None:
        if words:
            page.fill(f"#w-{name}", words)
        press(page, name)
        expect(page.locator("p.well")).not_to_be_empty()
        expect(page.locator(f"#b-{name}")).to_have_count(1 if name == "say" else 0)
        assert issue.task().state is state
        events = world.fleet.read(lambda sql: log.of_task(sql, issue.task().id))
        assert events[-1].actor == "person:bob", events[-1]

    does("approve", State.QUEUED)
    does("hold", State.HELD, "not today")
    expect(page.locator("#head")).to_contain_text("not today")
    does("unhold", State.QUEUED)
    agent.claims(issue).starts()
    expect(page.locator("#b-say")).to_be_visible()
    does("say", State.RUNNING, "use the staging database")
    does("cancel", State.CANCELLED)
    does("retry", State.QUEUED, "again, please")
    expect(page.locator("#timeline")).to_contain_text("Asked for another attempt by bob")
    expect(page).to_have_url(re.compile(r"/tasks/t_\w+$"))


def test_somebody_who_types_is_not_disturbed(world: World, window: Opener) -> None:
    issue = begun(world)
    page = window(world.writer).opens(address(issue))
    page.fill("#w-say", "half a sent")
    world.writer.says(issue, "/fleet say something else")
    expect(page.locator("#timeline")).to_contain_text("Told the agent something")
    expect(page.locator("#w-say")).to_have_value("half a sent")
    page.keyboard.type("ence")
    expect(page.locator("#w-say")).to_have_value("half a sentence")


def test_without_scripts_everything_can_be_read_and_pressed(world: World, window: Opener) -> None:
    issue = begun(world)
    prints(world, issue, "a line of the log\n")
    plain = window(world.writer, java_script_enabled=False)
    page = plain.opens("/")
    expect(page.locator(".s-running")).to_contain_text("Fix the login")
    page.click("text=Fix the login")
    expect(page.locator("#log")).to_have_text("a line of the log\n")
    expect(page.locator("#timeline")).to_contain_text("Attempt 1 given to gpu-1")
    page.fill("#q", "LINE")
    page.click("text=Find")
    expect(page.locator("#found")).to_contain_text("1: a line of the log")
    page.go_back()
    page.click("#b-cancel")
    expect(page.locator("p.well")).to_have_text("Cancelled.")
    assert issue.task().state is State.CANCELLED


def too_wide(window: Window) -> list[str]:
    """What sticks out of the window at its right."""
    return list(window.page.evaluate(_TOO_WIDE))


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_on_a_phone_in_light_and_dark_nothing_is_wrong(world: World, window: Opener, colors: str) -> None:
    issue = begun(world)
    prints(world, issue, "x" * 3000 + "\n")
    waits = world.writer.opens_issue("Make it faster", labels=["agent:rust"])
    world.settles()
    phone = window(world.writer, viewport={"width": 360, "height": 740}, color_scheme=colors)
    for path in ("/", address(issue), address(waits), "/history", "/login"):
        page = phone.opens(path)
        assert too_wide(phone) == [], path
        assert phone.axe() == [], path
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(20, 24, 28)") == (colors == "dark")


def test_operators_drain_and_make_tokens(world: World, window: Opener) -> None:
    world.pull_agent("gpu-1", ["python"])
    at = window(world.owner, viewport={"width": 360, "height": 740})
    for path in ("/hosts", "/tokens", "/agents"):
        page = at.opens(path)
        assert too_wide(at) == [], path
        assert at.axe() == [], path
    page.get_by_role("button", name="Drain: gpu-1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Take work again: gpu-1")).to_be_visible()
    page.click("nav >> text=Tokens")
    page.fill("#name", "a reader of numbers")
    page.select_option("#role", "read")
    page.click("text=Make a token")
    expect(page.locator("section[role=status] code")).to_contain_text("afo_")
    expect(page.locator("main")).to_contain_text("drained")


def test_hostile_words_do_no_harm(world: World, window: Opener) -> None:
    evil = "<img src=x onerror=alert(1)>\u202e\x1b[31m</script><script>alert(2)</script>"
    issue = begun(world, evil)
    prints(world, issue, f"{evil}\n\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\n")
    at = window(world.writer)
    page = at.opens("/")
    expect(page.locator(".s-running")).to_contain_text("<img src=x onerror=alert(1)>⟨U+202E⟩")
    page = at.opens(address(issue))
    for _ in range(4):  # a line of 10 MB, of which 4 are kept
        prints(world, issue, "A" * 2_500_000)
    prints(world, issue, "\n")
    expect(page.locator("#log")).to_contain_text("AAAA")
    assert page.evaluate("document.getElementById('log').textContent.length") < 100_000
    assert page.evaluate("document.querySelectorAll('#log img, #log script, #log a').length") == 0
    page.locator("summary", has_text="What the agent is asked").click()
    expect(page.locator("#asked pre")).to_contain_text("<img src=x onerror=alert(1)>")


def test_people_sign_in_at_the_forge_and_see_what_is_theirs(world: World, window: Opener) -> None:
    world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    at = window()
    page = at.page
    page.goto("/")
    page.click("text=Sign in with the forge")
    page.click("text=Sign in as carl")
    page.click("text=Authorize Application")
    expect(page.locator("h1")).to_have_text("Now")
    expect(page.locator(".me")).to_have_text("carl")
    page.click("text=Fix the login >> nth=0")
    expect(page.locator("#timeline")).to_contain_text("Queued by bob")
    expect(page.locator("#press button")).to_have_count(0)
    expect(page.locator("text=is shown to people with write access")).to_be_visible()
    assert all(url.startswith(f"{world.forge.url}/") for url in at.elsewhere)
    at.elsewhere.clear()
    page.click(".me")
    page.click("text=Sign out >> nth=0")
    expect(page.locator("text=Admin token")).to_be_visible()
