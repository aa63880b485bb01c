"""What `backup`, `restore`, `export` and `init` say."""

from collections.abc import Sequence


def written(path: str, events: int, files: int, mib: float) -> str:
    return f"Wrote {path}: {events} events, {files} files, {mib:.1f} MiB. It holds the signing key: keep it private."


def exists(path: str) -> str:
    return f"{path} exists already."


def other_name() -> str:
    return "Give another name, or move that away."


def cannot_write(path: str, why: str) -> str:
    return f"{path} cannot be written: {why}."


def check_place() -> str:
    return "Check that its folder exists, is writable, and that the disk has room."


def no_database(path: str) -> str:
    return f"There is no database {path}, so there is nothing to back up."


def see_db_path() -> str:
    return "Check db_path under [orchestrator]: agent-fleet config show"


def not_a_file(where: str) -> str:
    return f"The database is {where}, a PostgreSQL: backups of ours hold an SQLite file."


def back_up_the_server() -> str:
    return (
        "Use pg_dump and pg_restore for it, and copy the folder data_dir (signing key, artifacts) right after the dump."
    )


def not_a_backup(path: str, why: str) -> str:
    return f"{path} is not a backup of Agent Fleet: {why}."


def source_damaged(path: str, why: str) -> str:
    return f"Nothing was written: the database {path} is damaged or not one of ours ({why.rstrip('.')})."


def see_doctor() -> str:
    return "Keep your older backups; `agent-fleet doctor` says more, and how to go back to one."


def made_by_backup() -> str:
    return "Give a file that `agent-fleet backup` wrote, whole."


def newer_backup(names: Sequence[str]) -> str:
    return f"The backup was made by a newer Agent Fleet: this one does not know {', '.join(names)}."


def install_newer() -> str:
    return "Install that version, then restore."


def in_use(path: str, pids: Sequence[int]) -> str:
    return f"The database {path} is in use by process {', '.join(map(str, pids))}."


def stop_first() -> str:
    return "Stop the service, then restore."


def newer_here(path: str, here: int, there: int) -> str:
    return f"The database {path} knows {here} events, the backup only {there}: what happened since would be lost."


def another_history(path: str) -> str:
    return f"The database {path} tells of other events than the backup: it is not an older copy of the same fleet."


def move_away(folder: str) -> str:
    return f"Move it away if you really want the backup's state (with -wal and -shm): {folder}"


def restored(path: str, events: int) -> str:
    return f"Restored {path}: {events} events."


def kept_aside(path: str) -> str:
    return f"What was there before lies in {path}."


def then_migrate(names: Sequence[str]) -> str:
    return f"The backup is from an older version: run `agent-fleet migrate` ({', '.join(names)})."


def verify_failed(count: int) -> str:
    return f"The restored database differs from its log in {count} place{'s' if count > 1 else ''}."


def see_verify() -> str:
    return "Run `agent-fleet verify` to see where."


# --- init ------------------------------------------------------------------------------------------------------


def init_written(path: str) -> str:
    return f"Wrote {path} (readable by you alone), with a webhook secret and an enrolment token of its own."


def init_next(config: str) -> str:
    named = f" --config {config}" if config else ""
    return (
        "Next:\n"
        f"  agent-fleet{named} serve              runs the fleet\n"
        f"  agent-fleet{named} setup OWNER/REPO   makes labels and the webhook of a repository\n"
        f"  agent-fleet{named} doctor             says what is missing, and how to put it right"
    )


def init_only_here(address: str) -> str:
    return (
        f"Only this machine reaches {address}. For a forge or agents elsewhere add public_url and bind under [server], "
        "or begin again with --public-url http://THIS-MACHINE:9090 --bind 0.0.0.0."
    )


def init_head() -> str:
    return "# Written by `agent-fleet init`. Every setting: config.example.toml, docs/reference/configuration.md."


def init_wrong(path: str) -> str:
    return f"Nothing was written to {path}, because the settings would not be good:"


def token_needed(url: str) -> str:
    return f"Token of the bot's account (from {url}/user/settings/applications)"


def empty_token(name: str) -> str:
    return f"{name} holds no token."
