"""What is said about the database."""

from collections.abc import Sequence


def database_unreachable(why: str) -> str:
    return f"The database does not answer: {why}."


def database_unwritable(why: str) -> str:
    return f"The database cannot be written: {why}."


def damaged(why: str) -> str:
    return f"The database is damaged: {why}."


def see_doctor_and_restore() -> str:
    return "Stop the service; `agent-fleet doctor` says which file it is and how to go back to the newest backup."


def make_room() -> str:
    return "Is its disk full? Make room, then do it again; nothing half-done was kept. `agent-fleet doctor` says more."


def database_closed(why: str) -> str:
    return f"The database cannot be opened, or only read: {why}."


def database_busy() -> str:
    return "The database is busy: all connections of this process are in use."


def commit_unknown() -> str:
    return "The database went away while it was committing, so whether the change was kept is not known yet."


def no_database(where: str) -> str:
    return f"There is no database {where} yet."


def run_migrate_or_serve() -> str:
    return (
        "Run `agent-fleet migrate`, or `serve`. If there is one already: go to the folder of its configuration, or "
        "name that with --config or AGENT_FLEET_CONFIG."
    )


def check_the_server() -> str:
    return "Check database_url under [orchestrator], and that the server runs and lets this user in."


def needs_psycopg() -> str:
    return "A database_url needs psycopg, which is not installed."


def install_psycopg() -> str:
    return (
        "Install it with the program, in its clone: pipx install --force '.[postgres]' (in a venv: "
        "pip install '.[postgres]')."
    )


def cannot_be_made(where: str, why: str) -> str:
    return f"The database {where} cannot be made: {why}."


def check_db_path() -> str:
    return "Check db_path under [orchestrator], and what this user may write there; run it as the service's user."


def too_old(where: str, missing: Sequence[str]) -> str:
    return f"The database {where} is older than this program: {', '.join(missing)} not applied."


def too_new(where: str, unknown: Sequence[str]) -> str:
    return f"The database {where} was written by a newer Agent Fleet: this one does not know {', '.join(unknown)}."


def start_newer() -> str:
    return "Start the newer version, or restore a backup made with this one."


def not_empty(where: str, table: str) -> str:
    return f"Nothing was copied: {where} already holds data (table {table})."


def copy_to_an_empty_one() -> str:
    return "Copy to an empty database: make a new one, or drop what is in it yourself."


def copied(tables: int, rows: int, events: int, where: str) -> str:
    return f"Copied {rows} rows of {tables} tables to {where}; its {events} events are the same, one by one."


def copy_differs(what: str) -> str:
    return f"The copy is not the same: {what}."


def copy_again() -> str:
    return "Stop every process of the fleet, empty the target, and copy again."


def writers_do_not_end() -> str:
    return "The newest event cannot be told: those who write to the database at this moment do not come to an end."
