"""A connection that sends any number of statements in one message and gets their answers in another.

What goes to and fro takes longer than most statements do; psycopg's own pipelines still send each by itself.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

from bot.store import translate
from bot.store.dialect import Row

#: Statements that a connection has met, the least recently used is forgotten. One that comes again is prepared.
_KNOWN: Final = 300

_Key = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Statement:
    """``text`` as PostgreSQL reads it. Raises as `translate.parameter` does."""

    text: str
    values: list[bytes | None]
    types: tuple[int, ...]

    @classmethod
    def of(cls, text: str, values: Sequence[object] = ()) -> "Statement":
        given = [translate.parameter(value) for value in values]
        return cls(translate.numbered(text), [data for data, _ in given], tuple(kind for _, kind in given))


class Answer:
    def __init__(self, connection: "Connection", result: Any) -> None:
        self._connection = connection
        self._result = result

    @property
    def changed(self) -> int:
        """How many rows."""
        return int(self._result.command_tuples or 0)

    @property
    def did(self) -> bytes:
        """The server's word for what it did, such as COMMIT."""
        return bytes(self._result.command_status or b"")

    def rows(self) -> list[Row]:
        reader: Any = Transformer(self._connection)
        reader.set_pgresult(self._result)
        return translate.restored(reader.load_rows(0, self._result.ntuples, tuple))


class Connection(psycopg.Connection[Any]):
    """Opened with ``prepare_threshold=None``: psycopg would forget what is prepared here whenever it rolls back."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._statements: OrderedDict[_Key, bytes] = OrderedDict()  # b"" = met once
        self._statements_made = 0

    def ask(self, statements: Sequence[Statement]) -> tuple[list[Answer], psycopg.Error | None]:
        """Answers as far as all went well, and what is wrong with the statement after those; none follows it."""
        pg = self.pgconn
        try:
            pg.enter_pipeline_mode()
            sent = self._forget_statements()
            for statement in statements:
                sent += self._send_statement(statement)
            pg.pipeline_sync()
            answers, problem = self.wait(self._read_answers(sent))
            pg.exit_pipeline_mode()
        except psycopg.Error as lost:
            self.close()
            return [], lost
        except BaseException:  # in the midst of the answers it is of no use to anybody
            self.close()
            raise
        return answers, problem

    def _send_statement(self, statement: Statement) -> list[_Key | None]:
        """For each message None, or what it prepares."""
        pg, key, sent = self.pgconn, (statement.text, statement.types), list[_Key | None]([None])
        formats = [int(kind == translate.BYTES) for kind in key[1]] if translate.BYTES in key[1] else None
        name = self._statements.get(key)
        if name is None or (not name and self._takes_no_more):
            self._statements[key] = b""
            pg.send_query_params(statement.text.encode(), statement.values, statement.types, formats)
            return sent
        if not name:
            self._statements_made += 1
            self._statements[key] = name = b"fleet_%d" % self._statements_made
            pg.send_prepare(name, statement.text.encode(), statement.types)
            sent.insert(0, key)
        self._statements.move_to_end(key)
        pg.send_query_prepared(name, statement.values, formats)
        return sent

    def _forget_statements(self) -> list[_Key | None]:
        sent = list[_Key | None]()
        while len(self._statements) > _KNOWN and not self._takes_no_more:
            key, name = self._statements.popitem(last=False)
            if name:
                self.pgconn.send_query_params(b"DEALLOCATE " + name, None)
                sent.append(key)
        return sent

    @property
    def _takes_no_more(self) -> bool:
        """The transaction takes nothing any more but its end."""
        return self.pgconn.transaction_status == TransactionStatus.INERROR

    def _read_answers(self, sent: list[_Key | None]) -> PQGen[tuple[list[Answer], psycopg.Error | None]]:
        yield from generators.send(self.pgconn)
        answers: list[Answer] = []
        problem: psycopg.Error | None = None
        for key in sent:
            *_, result = yield from generators.fetch_many(self.pgconn)
            if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
                if key is None:
                    answers.append(Answer(self, result))
                continue
            if problem is None:
                problem = errors.error_from_result(result, self.info.encoding)
            if key is not None:
                self._statements.pop(key, None)
        yield from generators.fetch_many(self.pgconn)  # that this was all
        return answers, problem
