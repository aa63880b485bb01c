"""Pauses in force, and the holds that lie on issues whatever becomes of their tasks."""

from dataclasses import dataclass

from bot.store.dialect import Row, Sql
from bot.store.wakeups import WORK

WHOLE_FLEET = 0


@dataclass(frozen=True)
class PauseRow:
    """``repo_id`` 0 = the whole fleet; ``agent`` "" = all (else an id or a type); ``until`` 0 = open end.

    ``source`` is command, label or policy: each is lifted by its own. ``reply`` is where it is said that nothing runs
    any more, "" when that was said or is not wanted.
    """

    repo_id: int
    agent: str
    source: str
    person: str
    reason: str
    url: str
    at: float
    until: float
    reply: str

    @property
    def by(self) -> str:
        return self.person

    @property
    def whole_fleet(self) -> bool:
        return self.repo_id == WHOLE_FLEET


_COLUMNS = "repo_id, agent, source, person, reason, url, at, until, reply"


def put(sql: Sql, row: PauseRow) -> None:
    """A newer one of the same scope and source replaces the older."""
    sql.run(
        f"""INSERT INTO pause ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repo_id, agent, source)
            DO UPDATE SET person = excluded.person, reason = excluded.reason, url = excluded.url, at = excluded.at,
            until = excluded.until, reply = excluded.reply""",
        *(row.repo_id, row.agent, row.source, row.person, row.reason, row.url, row.at, row.until, row.reply),
    )


def lift(sql: Sql, repo_id: int, agent: str, source: str) -> bool:
    """True when there was one; whoever waits for work is woken."""
    gone = sql.run("DELETE FROM pause WHERE repo_id = ? AND agent = ? AND source = ?", repo_id, agent, source)
    sql.wake(WORK)
    return bool(gone)


def find(sql: Sql, repo_id: int, agent: str, source: str) -> PauseRow | None:
    row = sql.one(
        f"SELECT {_COLUMNS} FROM pause WHERE repo_id = ? AND agent = ? AND source = ?", repo_id, agent, source
    )
    return _pause(row) if row else None


def in_force(sql: Sql, now: float) -> list[PauseRow]:
    """Those whose end has not come, widest first."""
    rows = sql.all(f"SELECT {_COLUMNS} FROM pause WHERE until = 0 OR until > ? ORDER BY repo_id, agent, source", now)
    return [_pause(r) for r in rows]


def unreported(sql: Sql) -> list[PauseRow]:
    """Those under which something was still running when they began."""
    return [_pause(r) for r in sql.all(f"SELECT {_COLUMNS} FROM pause WHERE reply <> ''")]


def reported(sql: Sql, row: PauseRow) -> None:
    sql.run(
        "UPDATE pause SET reply = '' WHERE repo_id = ? AND agent = ? AND source = ?",
        *(row.repo_id, row.agent, row.source),
    )


def running(sql: Sql, repo_id: int, agent: str = "") -> int:
    """Tasks that an agent holds now; ``repo_id`` 0 = everywhere, ``agent`` an id or a type."""
    return int(
        sql.value(
            """SELECT count(*) FROM task LEFT JOIN agent ON agent.id = task.agent
               WHERE task.state IN ('assigned', 'running') AND (? = 0 OR task.repo_id = ?)
               AND (? = '' OR task.agent = ? OR agent.agent_type = ?)""",
            *(repo_id, repo_id, agent, agent, agent),
        )
    )


@dataclass(frozen=True)
class HoldRow:
    """``hold`` is manual, label or blocked."""

    hold: str
    person: str
    note: str


def hold(sql: Sql, repo_id: int, issue: int, row: HoldRow, at: float) -> None:
    sql.run(
        """INSERT INTO issue_hold (repo_id, issue, hold, person, note, at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (repo_id, issue, hold) DO UPDATE SET person = excluded.person, note = excluded.note""",
        *(repo_id, issue, row.hold, row.person, row.note, at),
    )


def unhold(sql: Sql, repo_id: int, issue: int, name: str) -> bool:
    """True when it lay there."""
    return bool(sql.run("DELETE FROM issue_hold WHERE repo_id = ? AND issue = ? AND hold = ?", repo_id, issue, name))


def holds(sql: Sql, repo_id: int, issue: int) -> list[HoldRow]:
    rows = sql.all(
        "SELECT hold, person, note FROM issue_hold WHERE repo_id = ? AND issue = ? ORDER BY hold", repo_id, issue
    )
    return [HoldRow(*r) for r in rows]


def held_issues(sql: Sql, name: str) -> list[tuple[int, int]]:
    """(repository, issue) of everything held for this reason."""
    return [(r[0], r[1]) for r in sql.all("SELECT repo_id, issue FROM issue_hold WHERE hold = ?", name)]


def _pause(row: Row) -> PauseRow:
    return PauseRow(*row)
