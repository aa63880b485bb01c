"""Inbox, timers, tokens, run logs, agents, attempts and what is known of the forge."""

import dataclasses
import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.facts import Account, Issue
from bot.store import Store, agents, attempts, bodies, forge_facts, inbox, request_keys, run_logs, timers, tokens
from bot.store.agents import Agent
from bot.store.timers import Timer
from tests.unit.store.filling import REPO, a_repo, a_task, claim

AGENT = Agent(
    "gpu-1", "codex-cli", ("python",), 2, "h", "http_pull", "online", 1.0, 1.0, "1", {"os": "linux"}, ()
)  # fmt: skip


def test_a_delivery_is_stored_once(store: Store) -> None:
    first = store.write(lambda sql: inbox.put(sql, "d-1", "push", b"{}\xff\x00", 1.0))
    again = store.write(lambda sql: inbox.put(sql, "d-1", "issues", b"other", 2.0))
    assert (first[1], again) == (True, (first[0], False))
    [one] = store.read(lambda sql: inbox.due(sql, 2.0))
    assert (one.event_type, one.body) == ("push", b"{}\xff\x00"), "as it came, byte for byte"


def test_deliveries_are_dealt_with_in_order_and_never_dropped(store: Store) -> None:
    ids = [store.write(lambda sql, i=i: inbox.put(sql, f"d-{i}", "push", b"", 1.0))[0] for i in range(4)]  # type: ignore[misc]
    store.write(lambda sql: inbox.done(sql, ids[0]))
    store.write(lambda sql: inbox.again(sql, ids[1], 9.0, "down"))
    store.write(lambda sql: inbox.dead(sql, ids[2], "bug"))
    assert [x.id for x in store.read(lambda sql: inbox.due(sql, 1.0))] == [ids[3]]
    assert [(x.id, x.tries) for x in store.read(lambda sql: inbox.due(sql, 9.0))] == [(ids[1], 1), (ids[3], 0)]
    assert store.read(inbox.next_due) == 1.0
    assert store.read(lambda sql: sql.value("SELECT count(*) FROM inbox")) == 4


def test_what_came_after_a_moment(store: Store) -> None:
    assert store.read(inbox.newest_id) == 0
    first = store.write(lambda sql: inbox.put(sql, "d-1", "push", b"1", 1.0))[0]
    store.write(lambda sql: inbox.put(sql, "d-2", "issues", b"2", 1.0))
    last = store.write(lambda sql: inbox.put(sql, "d-3", "push", b"3", 1.0))[0]
    store.write(lambda sql: inbox.done(sql, last))
    assert [x.body for x in store.read(lambda sql: inbox.after(sql, first, "push"))] == [b"3"]
    assert store.read(inbox.newest_id) == last


def test_a_timer_is_moved_by_its_key(store: Store) -> None:
    for timer in (
        Timer("a", "timeout", 5.0, "t_1", 1),
        Timer("b", "backoff", 3.0, "t_1", 1),
        Timer("a", "timeout", 9.0, "t_1", 2),
    ):
        store.write(lambda sql, t=timer: timers.arm(sql, t))  # type: ignore[misc]
    assert store.read(timers.next_due) == 3.0
    assert [x.key for x in store.read(lambda sql: timers.due(sql, 8.9))] == ["b"]
    store.write(lambda sql: timers.disarm(sql, "b"))
    assert store.read(lambda sql: timers.due(sql, 9.0)) == [Timer("a", "timeout", 9.0, "t_1", 2)]
    assert store.read(lambda sql: timers.armed(sql, "b")) is None


def test_a_token_is_found_by_its_text_and_kept_as_a_digest(store: Store) -> None:
    secret = store.write(
        lambda sql: tokens.create(sql, name="gpu", role="agent", agent="gpu-1", repos=["ann/*"], legacy=True, at=5.0)
    )
    assert secret.startswith("aft_")
    assert len(secret) > 40
    found = store.read(lambda sql: tokens.find(sql, secret))
    assert found is not None
    assert (found.prefix, found.agent, found.repos, found.legacy) == (secret[:12], "gpu-1", ("ann/*",), True)
    for wrong in ("", "aft_", secret[:-1], secret + "x", secret[:12], secret[:12] + "\ud800", "\x00"):
        assert store.read(lambda sql, w=wrong: tokens.find(sql, w)) is None  # type: ignore[misc]
    rows = store.read(lambda sql: sql.all("SELECT * FROM token"))
    assert secret not in str(rows)
    assert store.read(lambda sql: tokens.of_agent(sql, "gpu-1")) == [found]
    assert store.read(lambda sql: tokens.of_agent(sql, "")) == []


def test_a_token_ends(store: Store) -> None:
    make = lambda sql: tokens.create(sql, name="x", role="write", at=5.0, expires_at=10.0)  # noqa: E731
    secret = store.write(make)
    found = store.read(lambda sql: tokens.find(sql, secret))
    assert found is not None
    assert secret.startswith("afo_")
    assert (found.usable(9.9), found.usable(10.0)) == (True, False)
    assert store.write(lambda sql: tokens.revoke(sql, found.prefix, 7.0))
    assert not store.write(lambda sql: tokens.revoke(sql, found.prefix, 8.0)), "once"
    assert not store.write(lambda sql: tokens.revoke(sql, "afo_nothing1", 8.0))
    [revoked] = store.read(tokens.listed)
    assert not revoked.usable(7.0)


def log(store: Store, position: int, text: str) -> int:
    return store.write(lambda sql: run_logs.append(sql, "t_1", 1, position, text))


@pytest.fixture
def running(store: Store) -> Store:
    a_task(store)
    store.write(lambda sql: claim(sql, "t_1"))
    return store


def test_a_log_goes_on_where_it_is_known(running: Store) -> None:
    assert log(running, 0, "one\n") == 4
    assert log(running, 9, "gap") == 4, "a gap is not filled"
    assert log(running, 2, "e\ntwo\n") == 8, "an overlap is cut off"
    assert log(running, 0, "one\n") == 8, "a repeat changes nothing"
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1)) == "one\ntwo\n"
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1, 5)) == "wo\n"
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 9)) == ""


def test_positions_count_what_was_sent_not_what_is_kept(running: Store) -> None:
    end = log(running, 0, "\x1b[31mred\x1b[0m\x00\ud800")
    assert end == len(b"\x1b[31mred\x1b[0m\x00") + 1
    assert log(running, end, "ü\n") == end + 3
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1)) == "red\ufffd?ü\n"
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1, end)) == "ü\n"
    sent = b"\x1b[31mred\x1b[0m\x00?" + "ü\n".encode()
    kept = running.read(lambda sql: run_logs.digest(sql, "t_1", 1))
    assert kept == (hashlib.sha256(sent).hexdigest(), len(sent)), "a receipt names the digest of what was sent"


@given(st.text(st.sampled_from("\x00\x100a\x1b\r\n"), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_whatever_characters_come_the_log_is_kept_as_it_was_sent(running: Store, text: str) -> None:
    running.write(lambda sql: (sql.run("DELETE FROM log"), sql.run("UPDATE attempt SET log_bytes = 0")))
    log(running, 0, text)
    assert running.read(lambda sql: run_logs.digest(sql, "t_1", 1)) == (
        hashlib.sha256(text.encode()).hexdigest(),
        len(text),
    )
    assert "\x10" not in running.read(lambda sql: run_logs.read(sql, "t_1", 1))


def test_a_log_is_bounded(running: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_logs, "MAX_BYTES", 10)
    assert log(running, 0, "x" * 8) == 8
    assert log(running, 8, "y" * 8) == 16
    assert log(running, 16, "z" * 8) == 24
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1)) == "x" * 8 + "y" * 2


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_whatever_pieces_come_the_log_is_the_beginning_of_the_truth(
    running: Store, pieces: list[tuple[int, int]]
) -> None:
    truth = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
    running.write(lambda sql: (sql.run("DELETE FROM log"), sql.run("UPDATE attempt SET log_bytes = 0")))
    end = 0
    for position, length in pieces:
        end = log(running, position, truth[position : position + length])
    assert running.read(lambda sql: run_logs.read(sql, "t_1", 1)) == truth[:end]


def test_a_report_without_words_leaves_what_was_said(running: Store) -> None:
    for seq, words in ((1, "reading"), (2, "")):
        said: dict[str, Any] = {"seq": seq, "progress": words, "checklist": None, "usage": None}
        running.write(lambda sql, said=said: attempts.progressed(sql, "t_1", 1, **said))  # type: ignore[misc]
    found = running.read(lambda sql: attempts.get(sql, "t_1", 1))
    assert found is not None
    assert (found.progress, found.status_seq) == ("reading", 2)


def test_an_attempts_life(running: Store) -> None:
    assert running.read(lambda sql: attempts.count_running(sql, "gpu-1")) == 1
    running.write(lambda sql: attempts.extend(sql, "t_1", 1, at=2000.0, lease_until=2060.0))
    running.write(lambda sql: attempts.extend(sql, "t_1", 1, at=1500.0, lease_until=1560.0))
    found = running.read(lambda sql: attempts.get(sql, "t_1", 1))
    assert found is not None
    assert (found.last_sign_at, found.lease_until) == (2000.0, 2060.0), "a lease never gets shorter"
    assert running.read(lambda sql: attempts.expired(sql, 2060.0)) == []
    assert running.read(lambda sql: attempts.expired(sql, 2060.1)) == [found]
    for seq, said in ((2, "second"), (1, "late first")):
        running.write(
            lambda sql, q=seq, p=said: attempts.progressed(  # type: ignore[misc]
                sql, "t_1", 1, seq=q, progress=p, checklist=[(p, True)], usage=None
            )
        )
    found = running.read(lambda sql: attempts.get(sql, "t_1", 1))
    assert found is not None
    assert (found.progress, found.checklist, found.status_seq) == ("second", (("second", True),), 2)
    running.write(lambda sql: attempts.close(sql, "t_1", 1, outcome="lost", at=3000.0))
    running.write(lambda sql: attempts.close(sql, "t_1", 1, outcome="done", at=4000.0))
    running.write(lambda sql: attempts.extend(sql, "t_1", 1, at=9000.0, lease_until=9060.0))
    found = running.read(lambda sql: attempts.get(sql, "t_1", 1))
    assert found is not None
    assert (found.outcome, found.ended_at, found.lease_until) == ("lost", 3000.0, 2060.0), "over is over"


def test_agents_come_go_silent_and_are_back(store: Store) -> None:
    assert store.write(lambda sql: agents.register(sql, AGENT))
    assert not store.write(lambda sql: agents.register(sql, dataclasses.replace(AGENT, max_concurrency=3)))
    assert [a.id for a in store.read(lambda sql: agents.silent_since(sql, 2.0))] == ["gpu-1"]
    store.write(lambda sql: agents.set_status(sql, "gpu-1", agents.OFFLINE))
    assert store.read(lambda sql: agents.silent_since(sql, 2.0)) == []
    store.write(lambda sql: agents.seen(sql, "gpu-1", 5.0))
    store.write(lambda sql: agents.seen(sql, "gpu-1", 4.0))
    store.write(lambda sql: agents.remember_lost(sql, "gpu-1", "t_1"))
    found = store.read(lambda sql: agents.find(sql, "gpu-1"))
    assert found == dataclasses.replace(AGENT, max_concurrency=3, last_seen=5.0, lost_tasks=("t_1",))
    store.write(lambda sql: agents.register(sql, AGENT))
    [anew] = store.read(agents.listed)
    assert anew.lost_tasks == ()


def test_texts_are_kept_by_their_digest(store: Store) -> None:
    digest = store.write(lambda sql: bodies.put(sql, "a\x00\ud800"))
    assert store.write(lambda sql: bodies.put(sql, "a\x00\ud800")) == digest
    assert store.read(lambda sql: bodies.get(sql, digest)) == "a\ufffd\ufffd"
    assert store.read(lambda sql: bodies.get(sql, "nothing")) == ""


def test_a_request_key_is_kept(store: Store) -> None:
    store.write(lambda sql: request_keys.take(sql, "k", "sha", 1.0))
    assert store.read(lambda sql: request_keys.find(sql, "k")) == request_keys.Taken("sha", "", 1.0)
    store.write(lambda sql: request_keys.fill(sql, "k", "t_1"))
    store.write(lambda sql: request_keys.free(sql, "k"))
    assert store.read(lambda sql: request_keys.find(sql, "k")) == request_keys.Taken("sha", "t_1", 1.0)
    assert store.read(lambda sql: request_keys.find(sql, "other")) is None


def test_the_newer_of_two_looks_at_an_issue_is_kept(store: Store) -> None:
    def look(title: str, updated: float) -> None:
        issue = Issue(7, 12, title, "", Account(3, "ann"), frozenset({"ä", "b"}), True, 0.0, updated, "")
        store.write(lambda sql: forge_facts.remember_issue(sql, issue))

    look("new\ud800", 5.0)
    look("old", 4.0)
    found = store.read(lambda sql: forge_facts.issue(sql, 7, 12))
    assert found is not None
    assert (found.title, found.labels) == ("new\ufffd", frozenset({"ä", "b"}))


def test_a_renamed_repository_is_the_same(store: Store) -> None:
    store.write(lambda sql: forge_facts.remember_repo(sql, REPO, 1.0, watch=True))
    store.write(lambda sql: forge_facts.swept(sql, 7, 50.0))
    store.write(lambda sql: forge_facts.swept(sql, 7, 40.0))
    a_repo(store, 7, "ann/lab2")
    [known] = store.read(forge_facts.watched)
    assert (known.full_name, known.watched, known.swept_to) == ("ann/lab2", True, 50.0)
    assert store.read(lambda sql: forge_facts.repo_named(sql, "ANN/Lab2")) == known
    assert store.read(lambda sql: forge_facts.repo_named(sql, "ann/lab")) is None
