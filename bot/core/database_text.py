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
    return "A PostgreSQL needs psycopg, which is not installed."


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


def no_target() -> str:
    return "Nothing was copied: --to names neither a PostgreSQL nor a file."


def name_the_target() -> str:
    return (
        "Write postgresql://USER@HOST/DATABASE, with exactly this beginning, or the path of a new SQLite file (with "
        "./ in front when its name looks like an address)."
    )


def check_the_target() -> str:
    return (
        "Check what --to names: a PostgreSQL must run, let this user in and have the database (createdb makes it); a "
        "file must lie where this user may write."
    )


def bad_url(why: str) -> str:
    return f"PostgreSQL does not understand the URL of the database: {why}."


def bad_url_setting(why: str) -> str:
    return f"is not understood by PostgreSQL: {why}."


def bad_port() -> str:
    return "what follows the host after a colon is no port"


def mend_url() -> str:
    return (
        "Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE, with parameters that libpq knows. "
        "In user and password each of %:/?#[]@ is written as its percent code: % as %25, @ as %40, / as %2F."
    )


def not_utf8(where: str, encoding: str) -> str:
    return f"The database {where} has the encoding {encoding}: it cannot keep every letter, so it must be UTF8."


def make_it_utf8() -> str:
    return (
        "The encoding of a database cannot be changed. Make another one, as the server's administrator, and name that: "
        "createdb -O fleet --encoding=UTF8 --template=template0 NAME"
    )


def not_ours(where: str, why: str) -> str:
    return f"The user of the database {where} may not make tables in it, or not use those that are there: {why}."


def make_it_ours() -> str:
    return (
        "The database must belong to that user (here fleet): createdb -O fleet …, or ALTER DATABASE … OWNER TO fleet. "
        "Or let it in, as the database's owner: GRANT USAGE, CREATE ON SCHEMA public TO fleet. Tables that another "
        "user made must be given to it: REASSIGN OWNED BY … TO fleet."
    )


def not_empty(where: str, table: str) -> str:
    return f"Nothing was copied: {where} already holds data (table {table})."


def copy_to_an_empty_one() -> str:
    return "Copy to an empty database: make a new one, or drop what is in it yourself."


def copied(tables: int, rows: int, events: int, where: str) -> str:
    return f"Copied {rows} rows of {tables} tables to {where}; its {events} events are the same, one by one."


def then_use_postgresql(data_dir: str) -> str:
    return (
        "Next: in the configuration, under [orchestrator], write database_url (what --to named) and "
        f'data_dir = "{data_dir}" (the signing key and the mirrors stay there); run `agent-fleet doctor`; start.'
    )


def then_use_sqlite(path: str, data_dir: str) -> str:
    return (
        f'Next: in the configuration, under [orchestrator], write db_path = "{path}" and data_dir = "{data_dir}" (the '
        "signing key and the mirrors stay there), and remove database_url; run `agent-fleet doctor`; start."
    )


def worker_works(where: str) -> str:
    return f"Nothing was copied: a worker of the fleet works on {where}."


def stop_all_then_copy() -> str:
    return "Stop every process of the fleet, on every machine, then copy: what they write meanwhile would be lost."


def source_damaged(what: str) -> str:
    return f"Nothing was copied: the database to copy is damaged itself: {what}."


def see_verify_then_copy() -> str:
    return "`agent-fleet verify` names all that is wrong with it. Restore the newest whole backup, then copy that."


def copy_differs(what: str) -> str:
    return f"The copy is not the same: {what}."


def copy_again() -> str:
    return "Stop every process of the fleet, empty the target, and copy again."


def writers_do_not_end() -> str:
    return "The newest event cannot be told: those who write to the database at this moment do not come to an end."
