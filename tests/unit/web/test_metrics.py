"""`/metrics`: who may read it, that it is right whichever process counted, and that it never scans."""

import hashlib
import hmac
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core.events import AttemptFailed, AttemptLost, GaveUp, Started
from bot.core.reasons import Reason
from bot.settings import Server
from bot.store import counters, measures, open_store
from bot.store.dialect import Sql
from bot.store.verify import differences
from bot.web.metrics import PREFIX, families
from tests.unit.store.filling import a_repo, a_task, claim, happens
from tests.unit.web.conftest import SECRET, Api, serving, settings
from tests.world import databases


def samples(api: Api, token: str | None = None) -> dict[tuple[str, ...], float]:
    """Values by name and label values."""
    token = api.token("read") if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = api.client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_token_is_needed_unless_the_operator_says_otherwise(api: Api, tmp_path: Path) -> None:
    assert api.client.get("/metrics").status_code == 401
    agent = {"Authorization": f"Bearer {api.token('agent', 'gpu-1')}"}
    assert api.client.get("/metrics", headers=agent).status_code == 403
    public = settings(tmp_path / "other").model_copy(update={"server": Server(public_metrics=True, threads=8)})
    with serving(public) as open_to_all:
        assert samples(open_to_all, "")[("outbox_waiting",)] == 0


def signed(body: bytes, secret: str, delivery: str) -> dict[str, str]:
    return {
        "X-Forgejo-Event": "push",
        "X-Forgejo-Event-Type": "push",
        "X-Forgejo-Delivery": delivery,
        "X-Forgejo-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def test_webhooks_are_counted_by_what_became_of_them(api: Api) -> None:
    body = b'{"ref": "refs/heads/main"}'
    for secret, delivery in ((SECRET, "1"), (SECRET, "1"), (SECRET, "2"), *[("wrong", str(n)) for n in range(5)]):
        api.call("POST", "/webhooks/forgejo", body, headers=signed(body, secret, f"delivery-{delivery}"))
    found = samples(api)
    assert [found["webhooks_total", x] for x in ("accepted", "duplicate", "rejected")] == [2, 1, 5]
    assert found[("inbox_waiting",)] == 2


def test_processes_count_together(api: Api) -> None:
    others = [open_store(api.fleet.store.where) for _ in range(2)]  # as other processes have them
    try:
        for store in (*others, api.fleet.store):
            for _ in range(3):
                store.tally.add(counters.FORGE_ERRORS, "busy")
    finally:
        for store in others:
            store.close()  # what was not written yet is written at the end
    assert samples(api)["forge_errors_total", "busy"] == 9


def test_a_story_in_numbers(api: Api) -> None:
    store = api.fleet.store
    a_repo(store)
    for number in range(1, 5):
        a_task(store, f"t_{number}", requirements=("python",) if number < 4 else ())
    store.write(lambda sql: claim(sql, "t_1", at=1003.0))
    store.write(lambda sql: happens(sql, "t_1", Started(1), at=1004.0))
    store.write(lambda sql: happens(sql, "t_1", AttemptFailed(1, Reason.MODEL_ERROR, "", 1100.0), at=1005.0))
    store.write(lambda sql: claim(sql, "t_2", at=1040.0))
    store.write(lambda sql: happens(sql, "t_2", AttemptLost(1, Reason.LOST, 9), at=1050.0))
    store.write(lambda sql: claim(sql, "t_3", at=1050.0))
    store.write(lambda sql: happens(sql, "t_3", GaveUp(1, Reason.AUTH, ""), at=1051.0))
    api.fleet.clock = lambda: 1100.0
    found = samples(api)
    assert {k[1]: v for k, v in found.items() if k[0] == "tasks" and v} == {"queued": 3, "failed": 1}
    assert (found["retries_total", "model_error"], found["retries_total", "lost"]) == (1, 1)
    assert found["failures_total", "auth"] == 1
    assert (found["queue_tasks", "any"], found["queue_oldest_seconds", "any"]) == (1, 100)
    assert found["queue_tasks", "python"] == 1  # one backs off, one failed
    assert [found["dispatch_seconds_bucket", x] for x in ("2.5", "5", "30", "60", "+Inf")] == [0, 1, 1, 3, 3]
    assert (found[("dispatch_seconds_count",)], found[("dispatch_seconds_sum",)]) == (3, 3.0 + 40.0 + 50.0)
    assert found["task_oldest_seconds", "queued"] == 100
    assert store.read(lambda sql: [x for x in differences(sql) if x.task_id.startswith("state")]) == []


def test_verify_sees_a_wrong_count(api: Api) -> None:
    a_repo(api.fleet.store)
    a_task(api.fleet.store)
    api.fleet.store.write(lambda sql: counters.add(sql, counters.TASKS, "queued"))
    found = api.fleet.read(lambda sql: list(differences(sql)))
    assert [(x.task_id, x.what) for x in found] == [("state queued", "2 tasks are counted, there are 1")]


def used(kind: str, tokens: int, usd: float) -> dict[str, Any]:
    return {"models": [{"model": "m", "kind": kind, "in": tokens, "out": 1, "cost_usd": usd}]}


def test_the_cost_of_a_session_that_goes_on_counts_once(api: Api) -> None:
    runs = [(1, "s", used("session", 100, 1.0)), (2, "s", used("session", 250, 2.5)), (3, "x", used("run", 7, 0.25))]
    for fence in (1, 2, 3):
        api.fleet.store.write(lambda sql, n=fence: measures.count_usage(sql, "t_1", runs[:n], n))  # type: ignore[misc]
    found = samples(api)
    assert found["tokens_total", "input", "m"] == 257
    assert found["cost_usd_total", "m", "reported"] == pytest.approx(2.75)


class Recording(Sql):
    """Remembers how the engine finds what each statement asks for."""

    plans: list[tuple[str, str]]

    def all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        for row in super().all(f"EXPLAIN QUERY PLAN {statement}", *values):
            self.plans.append((statement, row[3]))
        return super().all(statement, *values)


#: Tables that grow with the work done; `class` has 2000 rows at most, the rest a handful.
GROWING: Final = ("task", "event", "inbox", "outbox", "attempt", "log")


@databases.sqlite_alone
def test_a_scrape_scans_nothing_that_grows(api: Api) -> None:
    a_repo(api.fleet.store)
    a_task(api.fleet.store)

    def query(sql: Sql) -> list[tuple[str, str]]:
        recording = Recording(sql._db)
        recording.plans = []
        list(families(recording, 1.0))
        return recording.plans

    plans = api.fleet.read(query)
    assert len(plans) > 10
    # what waits is counted by an index that holds only what waits
    partial = ("outbox_due", "outbox_wished", "inbox_due", "attempt_lease", "attempt_agent")
    scans = [
        plan
        for plan in plans
        if plan[1].startswith("SCAN") and plan[1].split()[1] in GROWING and plan[1].split()[-1] not in partial
    ]
    assert scans == []
