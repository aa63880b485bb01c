"""Says in a plain word what was not looked at: without a Forgejo only the stand-in is."""

import os
from typing import Final

import pytest

from tests.contract import real
from tests.world import databases

#: Only in a run on PostgreSQL (make test-postgres): they start and kill servers of it.
collect_ignore = (
    []
    if "postgresql" in databases.ENGINES
    else ["unit/store/test_postgres.py", "unit/store/test_copying.py", "machines"]
)

_HOW: Final = "set FORGEJO_URL and FORGEJO_ADMIN_TOKEN, or FORGEJO_BIN"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here and not beside the tests: of several processes, the one that sums up reads no conftest further down."""
    if not real.is_there():
        terminalreporter.write_line(f"contract: the real Forgejo was not checked ({_HOW})")
        ran = "only rehearsed on the stand-in" if os.environ.get("REHEARSE") == "1" else "not run"
        terminalreporter.write_line(f"real: {ran}, there is no Forgejo to run on ({_HOW})")
    if not os.environ.get("FORGEJO_RUNNER_BIN"):
        terminalreporter.write_line(
            "runner: workflows and actions were not shown to Forgejo's (set FORGEJO_RUNNER_BIN)"
        )


def pytest_sessionfinish() -> None:
    databases.stop_server()
