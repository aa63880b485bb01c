"""What only PostgreSQL has: many writers, connections that break, a server that dies, a lead that is taken over."""

import contextlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from peewee import DatabaseError

from bot.core.errors import Refused, Unavailable
from bot.core.events import Claimed
from bot.core.matching import Candidate
from bot.doctor import machine
from bot.doctor.finding import State
from bot.store import Sql, Store, agents, attempts, beats, claims, counters, log, open_store, tasks
from bot.store.backup import file_of
from bot.store.database import migrate, pending
from bot.store.engines import Where, complaint, engine, shown
from bot.store.verify import differences
from bot.store.wakeups import WORK
from tests.unit.core.samples import created
from tests.unit.store.filling import a_repo, a_task, claim, open_task
from tests.world import databases

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Where]:
    with databases.database("postgresql", tmp_path) as made:
        yield made


def end_all_connections(store: Store) -> None:
    """As an administrator would, or a failing server does."""
    databases.server().sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        f" AND datname = '{str(store.where).rpartition('/')[2]}'"
    )


def counted(sql: Sql) -> None:
    beats.beat(sql, "n", (sql.value("SELECT at FROM beat WHERE name = 'n'") or 0.0) + 1)


def test_a_connection_that_broke_is_not_noticed(store: Store) -> None:
    store.write(counted)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 1
    end_all_connections(store)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 1
    end_all_connections(store)
    store.write(counted)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 2


def test_a_connection_that_breaks_within_a_transaction_costs_nothing_and_doubles_nothing(store: Store) -> None:
    broke = [False]

    def command(sql: Sql) -> None:
        counted(sql)
        if not broke[0]:
            broke[0] = True
            end_all_connections(store)

    store.write(command)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 1


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
def test_a_commit_whose_answer_got_lost_is_looked_up(store: Store, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    from bot.store.pipeline import Connection, Statement

    real, failed = Connection.ask, [False]

    def ask(self: Connection, statements: Sequence[Statement]) -> tuple[list[Any], psycopg.Error | None]:
        if failed[0] or "COMMIT" not in [x.text for x in statements]:
            return real(self, statements)
        failed[0] = True
        real(self, statements if kept else [Statement.of("ROLLBACK")])
        self.close()
        return [], psycopg.OperationalError("the answer got lost")

    monkeypatch.setattr(Connection, "ask", ask)
    store.write(counted)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 1, "once, either way"
    assert failed[0]


def test_a_command_that_goes_on_after_an_error_is_not_taken_for_kept(store: Store) -> None:
    def command(sql: Sql) -> None:
        counted(sql)
        with contextlib.suppress(DatabaseError):
            sql.value("SELECT 1 / 0")

    with pytest.raises(DatabaseError, match="nothing could be kept"):
        store.write(command)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) is None


def test_statements_that_come_again_are_prepared_and_the_oldest_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.pipeline._KNOWN", 3)

    def query(sql: Sql) -> list[int]:
        asked = [sql.value(f"SELECT {n} + ?", 1) for n in (1, 2, 3, 4, 1, 1, 4, 4, 2, 2, 3, 3)]
        with contextlib.suppress(DatabaseError):
            sql.value("SELECT no_such_column FROM beat WHERE at = ?", 1.0)
        return asked

    assert [store.read(query) for _ in range(3)] == [[2, 3, 4, 5, 2, 2, 5, 5, 3, 3, 4, 4]] * 3
    prepared = store.read(lambda sql: sql.value("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql"))
    assert 0 < prepared <= 4


def test_a_server_that_is_killed_and_comes_back_loses_nothing_it_acknowledged() -> None:
    programs = databases.binaries()
    if programs is None:
        databases.server()  # skips, or fails in CI
        return
    own = databases.Server(programs, durable=True)
    try:
        with contextlib.closing(open_store(own.migrated())) as store:
            acknowledged: list[int] = []
            enough, over = threading.Event(), threading.Event()

            def work() -> None:
                while not over.is_set():
                    store.write(counted)
                    acknowledged.append(1)
                    if len(acknowledged) > 20:
                        enough.set()

            thread = threading.Thread(target=work)
            thread.start()
            assert enough.wait(30)
            own.stop("immediate")
            before = len(acknowledged)
            own.start()
            over.set()
            thread.join(60)
            assert not thread.is_alive()
            assert len(acknowledged) >= before
            assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == len(acknowledged)
    finally:
        own.remove()


def test_whoever_hangs_within_a_transaction_is_thrown_out(where: Where, store: Store) -> None:
    """A paused machine must not hold up the fleet: the server ends its session."""
    assert store.read(lambda sql: sql.value("SHOW idle_in_transaction_session_timeout")) == "3s"
    assert store.read(lambda sql: sql.value("SHOW lock_timeout")) == "20s"


LEADING: Final = """
import sys
from bot.store import open_store
lead = open_store(sys.argv[1]).lead()
print(lead.take(), flush=True)
sys.stdin.read()
"""


def test_one_leads_and_the_next_takes_over_when_it_is_killed(where: Where, store: Store) -> None:
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADING, str(where)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "True\n"
        next_one = store.lead()
        assert not next_one.take()
        leader.kill()
        while not next_one.take():
            threading.Event().wait(0.005)
    assert next_one.holds()
    next_one.give_up()


def test_a_leader_whose_connection_is_cut_knows(store: Store) -> None:
    lead = store.lead()
    assert lead.take()
    end_all_connections(store)
    assert not lead.holds()
    assert lead.take()
    lead.give_up()


def test_asking_whether_a_worker_works_takes_nothing(store: Store) -> None:
    assert not store.led()
    lead = store.lead()
    assert lead.take()
    assert store.led()
    lead.give_up()
    assert not store.led()


def test_counters_of_one_transaction_do_not_make_another_wait(where: Where, store: Store) -> None:
    begun, other_done = threading.Event(), threading.Event()

    def first(sql: Sql) -> None:
        counters.add(sql, counters.EVENTS, "x")
        counters.keep(sql)
        sql.counted.clear()
        begun.set()
        assert other_done.wait(20)

    leader = threading.Thread(target=lambda: store.write(first, shared=True))
    leader.start()
    assert begun.wait(20)
    with contextlib.closing(open_store(where)) as other:
        other.write(lambda sql: counters.add(sql, counters.EVENTS, "x"), shared=True)
    other_done.set()
    leader.join(20)
    assert store.read(counters.everything)[counters.EVENTS] == {("x",): 2.0}


def test_an_issue_that_is_busy_spoils_nothing_else_of_the_step(store: Store) -> None:
    a_repo(store)
    a_task(store, "t_1")

    def step(sql: Sql) -> None:
        with pytest.raises(Refused, match="already has a task"):
            log.append(sql, None, "t_2", created(issue=1), cause="second", actor="person:ann", at=3.0)
        counted(sql)

    store.write(step)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 1
    assert store.read(lambda sql: list(differences(sql))) == []


def test_letters_of_a_pattern_count_without_their_case_as_in_sqlite(store: Store) -> None:
    found = store.read(lambda sql: sql.value("SELECT CASE WHEN ? LIKE ? THEN 1 ELSE 0 END", "Agent:Python", "agent:%"))
    assert found == 1


def test_the_doctor_and_backups_know_a_server_from_a_file(where: Where) -> None:
    [found] = machine.database(where)
    assert (found.state, found.said) == (State.OK, f"The database {shown(where)} answers and is up to date.")
    [found] = machine.database("postgresql://fleet@127.0.0.1:1/fleet")
    assert found.state is State.FAIL
    with pytest.raises(Refused, match="a PostgreSQL") as refused:
        file_of(where)
    assert "pg_dump" in refused.value.fix


def test_a_leader_that_is_paused_loses_the_lead(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.postgres_engine._ABANDONED", "20ms")
    paused, next_one = store.lead(), store.lead()
    assert paused.take()
    while not next_one.take():
        threading.Event().wait(0.005)
    assert not paused.holds()
    next_one.give_up()


def test_a_listener_hears_again_after_its_connection_broke(where: Where, store: Store) -> None:
    other = open_store(where)
    store.watch_other_processes()
    for _ in range(2):
        seen = store.wakeups.count(WORK)
        other.write(lambda sql: sql.wake(WORK))
        assert store.wakeups.wait(WORK, seen, 20)
        end_all_connections(store)
    other.close()


def test_no_server_is_a_sentence_without_the_password() -> None:
    pytest.importorskip("psycopg")
    where = "postgresql://fleet:hush@127.0.0.1:1/fleet"
    for use in (open_store, migrate, pending):
        with pytest.raises(Refused) as refused:
            use(where)
        assert "does not answer" in refused.value.reason
        assert "database_url" in refused.value.fix
        assert "hush" not in str(refused.value)
    assert shown(where) == "postgresql://127.0.0.1:1/fleet"


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://fleet:hu%sh@127.0.0.1/fleet",
        "postgresql://fleet:hu/sh@127.0.0.1/fleet",
        "postgresql://fleet:hush@127.0.0.1/fleet?hu=bar",
        "postgresql://fleet:hush@127.0.0.1:port/fleet",
    ],
)
def test_a_url_that_is_not_understood_is_a_sentence_without_the_password(where: str) -> None:
    pytest.importorskip("psycopg")
    assert complaint(where)
    for use in (open_store, migrate, pending, engine):
        with pytest.raises(Refused, match="does not understand the URL") as refused:
            use(where)
        assert "percent code" in refused.value.fix
        assert "hu" not in str(refused.value)
        assert "sh" not in refused.value.reason


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://a,b:5433/fleet?target_session_attrs=read-write",
        "postgresql:///fleet?host=/run/postgresql",
        "postgresql://fleet:p%25ss@[::1]:5432/fleet?sslmode=verify-full",
        "postgresql://fleet:p?s#s@db.example/fleet",
    ],
)
def test_what_libpq_understands_is_taken(where: str) -> None:
    pytest.importorskip("psycopg")
    assert not complaint(where)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused(encoding: str) -> None:
    server = databases.server()
    name = f"other_{encoding.lower()}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    for use in (migrate, pending, open_store):
        with pytest.raises(Refused, match=f"encoding {encoding}") as refused:
            use(server.url(name))
        assert "createdb -O fleet --encoding=UTF8 --template=template0" in refused.value.fix
    [found] = machine.database(server.url(name))
    assert found.state is State.FAIL
    server.sql(f"DROP DATABASE {name}")


def test_a_role_that_may_make_no_tables_is_told_how_it_may() -> None:
    server = databases.server()
    empty = server.empty()
    server.sql("CREATE ROLE guest LOGIN")
    server.sql("REVOKE CREATE ON SCHEMA public FROM public", empty.rpartition("/")[2])
    as_guest = empty.replace("fleet@", "guest@")
    with pytest.raises(Refused, match=r"may not make tables in it.*permission denied for schema public") as refused:
        migrate(as_guest)
    assert "GRANT USAGE, CREATE ON SCHEMA public" in refused.value.fix
    migrate(empty)
    for use in (migrate, pending, open_store):
        with pytest.raises(Refused, match="permission denied for table"):
            use(as_guest)
    server.sql("DROP SCHEMA public CASCADE", empty.rpartition("/")[2])
    with pytest.raises(Refused, match="no schema has been selected"):
        migrate(as_guest)
    server.sql("DROP ROLE guest")


DISPATCHER: Final = """
import sys
from tests.unit.store.test_postgres import dispatch
dispatch(sys.argv[1], sys.argv[2])
"""


def dispatch(where: str, agent: str) -> None:
    """Claims until nothing is left, as many dispatchers at once do; prints what it got."""
    store = open_store(where)
    who = Candidate(agent, "codex-cli", frozenset({"python"}), ())

    def command(sql: Sql) -> str | None:
        agents.lock(sql, agent)
        task = claims.next_task(sql, who, take=True)
        return claim(sql, task.id, agent).id if task else None

    while (task_id := store.write(command, shared=True)) is not None:
        print(task_id, flush=True)
    store.close()


@pytest.mark.parametrize("number", [120])
def test_eight_dispatchers_claim_each_task_once(where: Where, store: Store, number: int) -> None:
    a_repo(store)
    store.write(lambda sql: [open_task(sql, f"t_{n}") for n in range(1, number + 1)])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DISPATCHER, str(where), f"gpu-{n}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for n in range(8)
    ]
    got = Counter(line for p in running for line in p.communicate(timeout=110)[0].split())
    assert {p.returncode for p in running} == {0}
    assert got == Counter(f"t_{n}" for n in range(1, number + 1)), "each once, none left"
    assert store.read(lambda sql: list(differences(sql))) == []


def test_zombies_cannot_write(store: Store) -> None:
    a_repo(store)
    a_task(store)
    old = store.read(lambda sql: tasks.get(sql, "t_1"))
    store.write(lambda sql: claim(sql, "t_1"))
    stale = Claimed(1, "gpu-2", "codex-cli", "h", "http_pull")

    def late(sql: Sql, cause: str) -> None:
        log.append(sql, old, "t_1", stale, cause=cause, actor="x", at=2.0)

    accepted = 0
    for number in range(500):
        with contextlib.suppress(Exception):
            store.write(partial(late, cause=f"z:{number}"))
            accepted += 1
    assert accepted == 0
    assert store.read(lambda sql: attempts.count_running(sql, "gpu-1")) == 1
    assert store.read(lambda sql: list(differences(sql))) == []


def test_a_database_that_stays_away_is_unavailable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.postgres._PATIENCE_SECS", 0.0)
    monkeypatch.setattr("bot.store.postgres.connect", away)
    with pytest.raises(Unavailable):
        store.write(counted)
    with pytest.raises(Unavailable):
        store.read(lambda sql: sql.value("SELECT 1"))


def away(_url: str) -> Any:
    raise Unavailable("The database does not answer.", retry_after=5)


def test_dispatchers_that_are_killed_leave_nothing_half_done(where: Where, store: Store) -> None:
    a_repo(store)
    store.write(lambda sql: [open_task(sql, f"t_{n}") for n in range(1, 121)])
    command = [sys.executable, "-c", DISPATCHER, str(where)]
    running = []
    for number in range(6):
        process = subprocess.Popen([*command, f"gpu-{number}"], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
        running.append(process)
        assert process.stdout is not None
        process.stdout.readline()  # it is in the midst of it
        if number % 3 == 2:
            for one in running:
                one.kill()
                one.communicate()
            running.clear()
    last = subprocess.run([*command, "gpu-last"], cwd=ROOT, check=True, timeout=110, stdout=subprocess.PIPE)
    assert last.returncode == 0
    claimed = store.read(
        lambda sql: sql.all("SELECT task_id, count(*) FROM event WHERE kind = 'claimed' GROUP BY task_id")
    )
    assert {count for _, count in claimed} == {1}
    assert len(claimed) == 120
    assert store.read(lambda sql: list(differences(sql))) == []


def test_events_are_read_in_an_order_in_which_none_is_missed(
    where: Where, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two transactions has the lower number and commits last, only once a reader waits for it."""
    a_repo(store)
    store.write(lambda sql: [open_task(sql, f"t_{n}") for n in (1, 2)])
    begun, may_end = threading.Event(), threading.Event()

    def first(sql: Sql) -> None:
        claim(sql, "t_1")
        sql.value("SELECT 1")  # with its answer, what was left for later has been written
        begun.set()
        assert may_end.wait(20)

    slow = threading.Thread(target=lambda: store.write(first, shared=True))
    slow.start()
    assert begun.wait(20)
    with contextlib.closing(open_store(where)) as other:
        other.write(lambda sql: claim(sql, "t_2"), shared=True)
        assert other.read(lambda sql: sql.value("SELECT max(seq) FROM event")) == 4
        with monkeypatch.context() as impatient:
            impatient.setattr("bot.store.postgres._PATIENCE_SECS", 0.0)
            assert [x.seq for x in other.read(lambda sql: log.since(sql, 1))] == [2], "nothing after what is missing"
            with pytest.raises(Unavailable):
                other.read(log.newest_seq)
        monkeypatch.setattr("bot.store.postgres.time.sleep", lambda _secs: may_end.set())
        assert [x.seq for x in other.read(lambda sql: log.since(sql, 2))] == [3, 4]
        assert other.read(log.newest_seq) == 4
    slow.join(20)


def test_numbers_that_nobody_has_hold_up_no_reader(store: Store) -> None:
    a_repo(store)
    a_task(store)

    def fails(sql: Sql) -> None:
        claim(sql, "t_1")
        sql.value("SELECT 1")
        raise ValueError

    with pytest.raises(ValueError):
        store.write(fails, shared=True)
    store.write(lambda sql: claim(sql, "t_1"), shared=True)
    assert [x.seq for x in store.read(lambda sql: log.since(sql, 0))] == [1, 3]


def test_time_is_the_servers_whatever_this_machine_thinks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1e9)
    with contextlib.closing(open_store(store.where)) as mistaken:
        before = mistaken.read(lambda sql: sql.value("SELECT extract(epoch FROM clock_timestamp())::float8"))
        now = mistaken.clock()
        after = mistaken.read(lambda sql: sql.value("SELECT extract(epoch FROM clock_timestamp())::float8"))
    assert before - 1 < now < after + 1
