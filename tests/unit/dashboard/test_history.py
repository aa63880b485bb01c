"""Looking back: filters that are addresses, words, pages, numbers, files; never more than one may see."""

import csv
import io
import re
from typing import Any

import pytest

from bot.core import ids
from bot.core.events import Claimed, Event, GaveUp, Merged, PullRequestOpened, ResultAccepted, Started
from bot.core.facts import Account, Issue
from bot.core.lookback import shares
from bot.core.reasons import Reason
from bot.core.words import key, words
from bot.store import Store, forge_facts, history
from bot.store.history import Past, Wanted
from bot.store.verify import differences
from tests.unit.dashboard.conftest import OPEN, PRIVATE, House, Visit
from tests.world import databases

RESULT = ResultAccepted(1, "a" * 40, "b" * 40, 1, 1, 1, 0, "d" * 64, "e" * 64, "f" * 64)


def claimed(agent: str) -> list[Event]:
    return [Claimed(1, agent, "exec", "h", "http_pull"), Started(1)]


@pytest.fixture
def past(house: House) -> dict[str, str]:
    """A merged task, one that failed, and one that waits; in the open repository another."""
    made = {
        "merged": house.task(PRIVATE, 1, "Fix the Größenwahn in login", by="bob"),
        "failed": house.task(PRIVATE, 2, '=HYPERLINK("http://evil","x") <script>alert(1)</script>\u202e', by="ann"),
        "waits": house.task(PRIVATE, 3, "Login is slow", by="bob"),
        "open": house.task(OPEN, 4, "Translate the manual", by="carl"),
    }
    house.happens(made["merged"], *claimed("gpu-1"), RESULT, PullRequestOpened(9), Merged(9, "ann", "c" * 40))
    house.happens(made["failed"], *claimed("gpu-2"), GaveUp(1, Reason.TIMEOUT, "It took too long."))
    house.fleet.store.write(lambda sql: history.spent(sql, made["merged"], 1.5))
    house.fleet.store.write(lambda sql: history.spent(sql, made["failed"], 0.75))
    return made


def operator(house: House) -> Visit:
    visit = house.visit()
    visit.signs_in_with(house.token())
    return visit


def found(visit: Visit, query: str) -> list[str]:
    answer = visit.gets(f"/history.json?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return [row["task"] for row in answer.json]


def test_filters_are_addresses(house: House, past: dict[str, str]) -> None:
    ops = operator(house)
    for query, names in {
        "": ["open", "waits", "failed", "merged"],
        "state=done&state=failed": ["failed", "merged"],
        f"repo={OPEN}": ["open"],
        "repo=ann%2Funknown": [],
        "agent=gpu-1": ["merged"],
        "reason=timeout": ["failed"],
        "person=bob": ["waits", "merged"],
        "q=login": ["waits", "merged"],
        "q=grossenwahn+FIX": ["merged"],
        "q=log": ["waits", "merged"],
        "q=timeout+long": ["failed"],
        "q=nowhere": [],
        "from=2026-09-21&to=2026-09-21": ["open", "waits", "failed", "merged"],
        "from=2026-09-22": [],
        f"before={past['failed']}": ["merged"],
    }.items():
        assert found(ops, query) == [past[name] for name in names], query


def test_what_cannot_be_is_said(house: House) -> None:
    ops = operator(house)
    for query in ("state=finished", "from=yesterday", "to=2026-13-01", "before=%27%3B", "q=1+2+3+4+5+6+7+8+9"):
        assert ops.gets(f"/history?{query}").status_code == 422, query


def test_nobody_finds_what_they_may_not_see(house: House, past: dict[str, str]) -> None:
    zoe = house.signed_in("zoe")
    assert found(zoe, "") == [past["open"]]
    assert found(zoe, f"repo={PRIVATE}") == []
    assert found(zoe, "q=login") == []
    page = zoe.gets("/history").text
    assert "gpu-1" not in page
    assert "bob" not in page
    assert found(house.signed_in("carl"), "q=login") == [past["waits"], past["merged"]]


def test_the_page_shows_numbers_and_hostile_titles_as_text(house: House, past: dict[str, str]) -> None:
    page = operator(house).gets("/history").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "over 1 day: 1 done, 1 failed" in page
    assert "All of them cost $2.25: $2.25 per merged pull request (1 pull request)." in page
    assert re.search(r"gpu-1</th><td>1</td><td>1</td>", page)
    assert 'style="' not in page
    assert len(page) < 50_000


def test_every_number_is_drawn_and_can_be_read(house: House, past: dict[str, str]) -> None:
    page = operator(house).gets("/history").text
    for drawing in (
        '<svg [^>]*role="img" aria-label="Tasks ended by day, over 1 day: 1 done, 1 failed">',
        '<svg [^>]*role="img" aria-label="Cost per merged pull request by day, over 1 day">',
        r"<title>2026-09-21: \$2.25 per merged pull request</title><rect [^>]*height=\"120.0\"",
        '<title>2026-09-21: 1 done, 1 failed</title><rect [^>]*height="60.0"',
    ):
        assert re.search(drawing, page), drawing
    tables = re.sub(r"<svg.*?</svg>", "▬", page, flags=re.DOTALL)
    for row in (
        r"2026-09-21</th><td>1</td><td>1</td><td>1</td><td>\$2.25</td><td>\$2.25</td>",
        "90 %</th><td>▬ [^<]+</td><td>▬ [^<]+</td>",
        "gpu-1</th><td>1</td><td>1</td><td>▬ 100 %</td><td>–</td>",
        "gpu-2</th><td>1</td><td>0</td><td>▬ 0 %</td><td>timeout 1</td>",
        "timeout</th><td>1</td><td>▬ 50 %</td>",
    ):
        assert re.search(row, tables), row


def test_nobody_said_what_it_cost(house: House) -> None:
    house.task(OPEN, 1, "Translate the manual")
    page = operator(house).gets("/history").text
    assert "What they cost is not known: no agent has told." in page
    assert "Cost per merged" not in page


def test_a_spreadsheet_calculates_nothing(house: House, past: dict[str, str]) -> None:
    answer = operator(house).gets("/history.csv?state=failed")
    [head, row] = list(csv.reader(io.StringIO(answer.text)))
    cells = dict(zip(head, row, strict=True))
    assert cells["title"].startswith("'=HYPERLINK(")
    assert (cells["state"], cells["reason"], cells["cost_usd"]) == ("failed", "timeout", "0.75")
    assert "attachment" in answer.headers["Content-Disposition"]
    wide = house.task(PRIVATE, 9, "\uff1dHYPERLINK(1)")
    assert f'"{wide}","{PRIVATE}","9","\'\uff1dHYPERLINK(1)"' in operator(house).gets("/history.csv").text


def test_pages_follow_each_other_without_gaps(house: House) -> None:
    made = [house.task(OPEN, number, f"Task {number}") for number in range(1, 61)]
    ops = operator(house)
    first = ops.gets("/history?q=task").text
    older = re.search(r'href="/history\?([^"]*)" rel="next"', first)
    assert older
    second = ops.gets(f"/history?{older[1].replace('&amp;', '&')}").text
    listed = [re.findall(r'href="/tasks/(t_[a-z0-9]+)"', page) for page in (first, second)]
    assert [len(x) for x in listed] == [50, 10]
    assert [*listed[0], *listed[1]] == made[::-1]


def test_a_new_title_is_found_and_the_old_one_not(house: House, past: dict[str, str]) -> None:
    repo = house.fleet.remember(house.fleet.forge.repos.named(PRIVATE))
    issue = Issue(repo.id, 3, "Faster start", "", Account(1, "x"), frozenset(), True, 1.0, house.clock() + 9, "")
    house.fleet.store.write(lambda sql: forge_facts.remember_issue(sql, issue))
    ops = operator(house)
    assert found(ops, "q=faster") == [past["waits"]]
    assert found(ops, "q=slow") == []


def test_the_history_is_held_to_the_log(house: House, past: dict[str, str]) -> None:
    assert not house.fleet.read(lambda sql: list(differences(sql)))
    house.fleet.store.write(lambda sql: sql.run("UPDATE history SET state = 'done' WHERE task_id = ?", past["failed"]))
    [one] = house.fleet.read(lambda sql: list(differences(sql)))
    assert (one.task_id, "history" in one.what) == (past["failed"], True)


def test_words_are_cut_alike_for_everybody() -> None:
    assert words("Größe, GRÖSSE größe_2 – naïve; 東京") == ["grosse", "grosse_2", "naive", "東京"]
    assert key("ab") < key("abc") < key("b")


def test_shares_are_values_that_occurred() -> None:
    assert shares([4, 1, 3, 2]) == {50: 2, 90: 4, 99: 4}
    assert shares([]) == {}


@databases.sqlite_alone
def test_a_hundred_thousand_tasks_change_little(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in steps of the database engine, not in seconds: a page reads about as many rows as it shows."""
    fill(house.fleet.store, 20_000)
    for wanted in (
        Wanted(),
        Wanted(states=("failed",)),
        Wanted(agent="gpu-3"),
        Wanted(sought=("common",)),
        Wanted(sought=("rare7",)),
        Wanted(person="p9", before=ids.not_before("t", 1.7e9 + 10_000)),
        Wanted(states=("done", "failed"), repo_ids=frozenset({1, 2})),
        Wanted(since=1.7e9 + 19_900),
    ):
        few = steps(house.fleet.store, wanted)
        assert few < 60_000, (wanted, few)
    read: list[int] = []
    page = history._page

    def counted(*asked: Any) -> list[Past]:
        found = page(*asked)
        read.append(len(found))
        return found

    monkeypatch.setattr(history, "_page", counted)
    both = Wanted(repo_ids=frozenset({1, 2}), states=("done", "failed", "queued"))
    newest = house.fleet.read(lambda sql: history.page(sql, both, 5000))
    assert [one.issue for one in newest] == list(range(19_999, 14_999, -1))
    assert sum(read) < 10_000  # and not 5000 of each


def fill(store: Store, count: int) -> None:
    """Rows as ``follow`` writes them, many at once."""

    def command(sql: object) -> None:
        db = sql._db  # type: ignore[attr-defined]
        states = ("done", "done", "done", "failed", "queued")
        rows = [
            (ids.new("t", 1.7e9 + n), 1 + n % 2, n, states[n % 5], "timeout" if n % 5 == 3 else "", f"p{n % 50}",
             f"gpu-{n % 20}", 1.7e9 + n, 1.7e9 + n + 5, 60.0, 1.7e9 + n + 90, 0.5, n)
            for n in range(count)
        ]  # fmt: skip
        db.connection().executemany(f"INSERT INTO history VALUES ({', '.join('?' * 13)})", rows)
        pairs = [(key("common"), row[0]) for row in rows]
        pairs += [(key(f"rare{n // 100}"), row[0]) for n, row in enumerate(rows)]
        db.connection().executemany("INSERT INTO task_word VALUES (?, ?)", pairs)

    store.write(command)


def steps(store: Store, wanted: Wanted) -> int:
    """How many steps the engine takes for a page."""
    counted = [0]

    def tick() -> int:
        counted[0] += 100
        return 0

    def query(sql: object) -> None:
        connection = sql._db.connection()  # type: ignore[attr-defined]
        connection.set_progress_handler(tick, 100)
        try:
            assert history.page(sql, wanted, 51)  # type: ignore[arg-type]
        finally:
            connection.set_progress_handler(None, 0)

    store.read(query)
    return counted[0]
