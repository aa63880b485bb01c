"""A slower disk: a pause in each durable commit, while the turn to write is held, as a slow fsync would hold it.

`python -m benchmarks.slow_disk MS …` runs gunicorn with it. The baseline pauses in the same place of its commits.
"""

import sys
import time
from collections.abc import Callable

from bot.store.dialect import Sql
from bot.store.transactions import OnSqlite


def install(ms: float) -> None:
    """From now on, in this process and its children."""
    real = OnSqlite.run

    def run(self: OnSqlite, work: Callable[[Sql], None]) -> set[str]:
        def and_pause(sql: Sql) -> None:
            work(sql)
            time.sleep(ms / 1000)

        return real(self, and_pause)

    OnSqlite.run = run  # type: ignore[method-assign]


def main() -> None:
    from gunicorn.app.wsgiapp import run

    if ms := float(sys.argv.pop(1)):
        install(ms)
    sys.argv[0] = "gunicorn"
    run()


if __name__ == "__main__":
    main()
