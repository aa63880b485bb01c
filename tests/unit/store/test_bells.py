"""Commits are told to other processes at once; whoever cannot be told looks."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.store import Sql, Store, open_store
from bot.store.bells import folder_of
from bot.store.wakeups import CHANGED, INBOX, OUTBOX, TOPICS, WORK

_NEVER = 3600.0
_PATIENCE = 20.0


@pytest.fixture
def here(path: Path) -> Iterator[Store]:
    opened = open_store(path)
    yield opened
    opened.close()


@pytest.fixture
def there(path: Path) -> Iterator[Store]:
    """As in another process: it shares nothing with ``here`` but the file."""
    opened = open_store(path)
    yield opened
    opened.close()


def does(*topics: str) -> Callable[[Sql], None]:
    def command(sql: Sql) -> None:
        sql.run("INSERT INTO beat (name, at) VALUES ('x', 1) ON CONFLICT DO UPDATE SET at = at + 1")
        for topic in topics:
            sql.wake(topic)

    return command


def counts(store: Store) -> dict[str, int]:
    return {topic: store.wakeups.count(topic) for topic in TOPICS}


def test_only_those_who_wait_for_what_a_commit_did_are_woken(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.wakeups._LOOK_SECS", _NEVER)
    here.watch_other_processes()
    before = counts(here)
    there.write(does(WORK, OUTBOX))
    assert here.wakeups.wait(WORK, before[WORK], _PATIENCE)
    assert here.wakeups.wait(OUTBOX, before[OUTBOX], _PATIENCE)
    assert here.wakeups.count(INBOX) == before[INBOX]


def test_a_process_is_not_rung_for_what_it_does_not_wait_for(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.wakeups._LOOK_SECS", _NEVER)
    here.watch_other_processes((WORK, CHANGED))
    before = counts(here)
    there.write(does(INBOX))
    there.write(does(INBOX, WORK))
    assert here.wakeups.wait(WORK, before[WORK], _PATIENCE)
    assert here.wakeups.count(INBOX) == before[INBOX]


def test_nobody_rings_for_himself_and_everybody_for_all_others(
    path: Path, here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.wakeups._LOOK_SECS", _NEVER)
    third = open_store(path)
    try:
        for store in (here, there, third):
            store.watch_other_processes()
        here.write(does(WORK))
        for store in (there, third):
            assert store.wakeups.wait(WORK, 0, _PATIENCE)
        third.write(does(INBOX))
        assert here.wakeups.wait(INBOX, 0, _PATIENCE)
        assert here.wakeups.count(WORK) == 1
    finally:
        third.close()


def test_a_watcher_that_ends_leaves_nothing(path: Path, here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.wakeups._LOOK_SECS", _NEVER)
    watching = open_store(path)
    watching.watch_other_processes()
    here.write(does(WORK))
    watching.close()
    assert list(folder_of(path).iterdir()) == []
    here.write(does(WORK))


def test_the_bell_of_one_that_was_killed_is_taken_away(path: Path, here: Store, there: Store) -> None:
    here.watch_other_processes()
    dead = folder_of(path) / "1-dead"
    os.mkfifo(dead)
    there.write(does(WORK))
    assert not dead.exists()
    assert here.wakeups.wait(WORK, 0, _PATIENCE)


def test_a_bell_that_nobody_listens_to_and_what_is_no_bell_stop_no_commit(path: Path, there: Store) -> None:
    folder_of(path).mkdir()
    note, deaf = folder_of(path) / "note", folder_of(path) / "2-deaf"
    note.write_text("mine")
    os.mkfifo(deaf)
    listening = os.open(deaf, os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(listening, b"\0" * 4096)
        there.write(does(WORK))
        assert there.read(lambda sql: sql.value("SELECT at FROM beat WHERE name = 'x'")) == 1
        assert note.read_text() == "mine"
    finally:
        os.close(listening)


def test_a_commit_that_nobody_rang_for_is_seen(path: Path, here: Store, there: Store) -> None:
    here.watch_other_processes()
    shutil.rmtree(folder_of(path))
    there.write(does(WORK))
    for topic in TOPICS:
        assert here.wakeups.wait(topic, 0, _PATIENCE)


def test_where_there_are_no_pipes_commits_are_seen(
    path: Path, here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError("no pipes here")

    monkeypatch.setattr("bot.store.bells.os.mkfifo", refuses)
    monkeypatch.setattr("bot.store.wakeups._LOOK_SECS", _NEVER)
    here.watch_other_processes()
    assert list(folder_of(path).iterdir()) == []
    there.write(does())
    assert here.wakeups.wait(WORK, 0, _PATIENCE)
