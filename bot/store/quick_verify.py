"""`agent-fleet verify --quick`: every task by the kinds of its events alone, against what the database says of it."""

from collections.abc import Iterator
from typing import Final

from bot.core import damage_text as text
from bot.core.events import KINDS
from bot.core.outline import Outline
from bot.core.states import State
from bot.store import verify
from bot.store.abreast import abreast, in_pages
from bot.store.dialect import Row, Sql
from bot.store.replay import replay
from bot.store.verify import Difference

_COLUMNS: Final = ("state", "version", "fence", "queued_at", "changed_at")
_ROWS: Final = f"SELECT id, {', '.join(_COLUMNS)}, claimable, agent FROM task WHERE id > ? ORDER BY id LIMIT ?"
_HISTORY: Final = "SELECT task_id, state, created_at FROM history WHERE task_id > ? ORDER BY task_id LIMIT ?"


def differences(sql: Sql) -> Iterator[Difference]:
    """What can be seen of `verify`'s differences without a digest and without anything that an event or a row says."""
    told = ((one.outline.task_id, one.outline) for one in replay(sql))
    for task_id, (outline, row, past) in abreast(told, in_pages(sql, _ROWS), in_pages(sql, _HISTORY)):
        yield from (Difference(task_id, what, in_log=True) for what in _in_log(outline, row, past))
        yield from (Difference(task_id, what) for what in _derived(outline, row, past))
    yield from verify.waiting(sql)
    yield from verify.attempts(sql)
    yield from verify.by_state(sql)


def _in_log(told: Outline | None, row: Row | None, past: Row | None) -> Iterator[str]:
    if told is None:
        if row:
            yield "has no events"
        if past:
            yield "stands in the history but has no events"
        return
    for first, last in told.missing:
        yield text.missing_events(first, last)
    if told.impossible and not told.missing:  # behind a gap it would tell nothing
        n, kind = told.impossible
        yield text.unknown_event(n, kind) if kind not in KINDS else text.impossible_event(n, kind)


def _derived(told: Outline | None, row: Row | None, past: Row | None) -> Iterator[str]:
    if told is None:
        return
    if not row:
        yield "has events but no row"
    if told.missing or told.impossible or told.state is None:
        return  # its events are unsound, and that has been said
    if row and (differ := _columns(told, told.state, row)):
        yield f"its columns differ from its events: {', '.join(differ)}"
    if not past or past[1:] != (told.state, told.created_at):
        yield "its line in the history differs from its events"


def _columns(told: Outline, state: State, row: Row) -> list[str]:
    wanted = (state, told.version, told.fence, told.queued_at, told.changed_at)
    *kept, claimable, agent = row[1:]
    differ = [name for name, is_, should in zip(_COLUMNS, kept, wanted, strict=True) if is_ != should]
    if claimable and state is not State.QUEUED:
        differ.append("claimable")
    if bool(agent) is not state.leased:
        differ.append("agent")
    return differ
