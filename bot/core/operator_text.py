"""Every sentence an operator reads at a terminal: settings and command line. The forge's readers have ``text``."""

from collections.abc import Sequence
from datetime import UTC, datetime

# --- Settings: `config check`, and whatever refuses to start ------------------------------------------------


def not_a_setting() -> str:
    return "is not a setting."


def did_you_mean(name: str) -> str:
    return f"Did you mean {name}?"


def see_the_reference() -> str:
    return "config.example.toml lists every setting."


def setting_missing() -> str:
    return "is missing."


def set_it_so(env: str, section: str, leaf: str, *, no_file: bool = False) -> str:
    begin = "There is no configuration file here: write one with `agent-fleet init`. Or s" if no_file else "S"
    return f"{begin}et {leaf} under [{section}] in the configuration file, or the variable {env} or {env}_FILE."


def add_the_key(leaf: str) -> str:
    return f"Add {leaf} = … to this entry."


def wrong_type(wanted: str, got: str) -> str:
    return f"must be {wanted}, not {got}."


def too_small(limit: object, got: str) -> str:
    return f"must be {limit} or more, not {got}."


def too_large(limit: object, got: str) -> str:
    return f"must be {limit} or less, not {got}."


def not_one_of(allowed: str, got: str) -> str:
    return f"must be {allowed}, not {got}."


def may_not_be_empty() -> str:
    return "may not be empty."


def holds_nul() -> str:
    return "holds a NUL or half a character (a lone surrogate), which no path, header or database takes."


def not_understood(reason: str) -> str:
    return f"cannot be used: {reason}."


def bad_url(schemes: str) -> str:
    return f"must be a full address beginning with {schemes} and naming a host."


def url_with_password() -> str:
    return "must not hold a user or password, because addresses are shown and logged."


def url_fix() -> str:
    return "Put the credential into the setting made for it and leave the address bare."


def url_with_query() -> str:
    return "must end with the path: no ?query and no #fragment."


def bad_identifier() -> str:
    return "must be 1 to 64 of the characters A-Z a-z 0-9 . _ - because it becomes part of commands and paths."


def bad_repository() -> str:
    return "must name a repository as owner/name."


def bad_writers_key() -> str:
    return 'must be keyed by a repository as owner/name, or "*" for all.'


def has_whitespace() -> str:
    return "must not hold blanks or line ends."


def has_outer_whitespace() -> str:
    return "must not begin or end with a blank or line end."


def copy_again() -> str:
    return "Copy it again without the blanks around it."


def bad_bind() -> str:
    return "must be an IP address or a host name, without a port."


def bad_database_url() -> str:
    return 'must be "" (SQLite, see db_path) or begin with postgresql://.'


def lease_too_short(seconds: int, minimum: int) -> str:
    return (
        f"times heartbeat_interval_secs is a lease of {seconds} s; "
        f"below {minimum} s healthy agents would be taken for lost."
    )


def raise_either(first: str, second: str) -> str:
    return f"Raise {first} or {second}."


def below_other(other: str, value: int) -> str:
    return f"must not be below {other} ({value})."


def must_be_below(other: str, value: int) -> str:
    return f"must be below {other} ({value}), or waiting agents take the threads that webhooks need."


def bad_branch_prefix() -> str:
    return "must be the beginning of a branch name that git accepts and end with /, such as fleet/."


def bad_protected_path() -> str:
    return "must be a path inside a repository: relative, with / between its parts and no .. among them."


def said_twice(value: str) -> str:
    return f"says {value!r} more than once."


def same_secret() -> str:
    return "is the same as webhook_secret, so nothing is being rotated."


def leave_empty() -> str:
    return "Leave it out unless you are changing the secret."


def key_needed(host: str) -> str:
    return f"is needed to log in to {host}: no password is ever used, an SSH agent only with ssh_agent = true."


def bad_absolute_path() -> str:
    return "must be a full path beginning with /, of the characters A-Z a-z 0-9 . _ @ + - and /, without .. in it."


def bad_host_key() -> str:
    return "must be a fingerprint (SHA256:…, as ssh-keygen -l prints it) or a public key (ssh-ed25519 AAAA…)."


def command_not_split() -> str:
    return "is not a command a shell would understand (unbalanced quotes)."


def bad_variable() -> str:
    return "must be the name of an environment variable (letters, digits, _)."


def ours_not_for_agents() -> str:
    return "must not name AGENT_FLEET_… variables: they hold our own secrets, and agents never get those."


def file_unreadable(path: str, reason: str) -> str:
    return f"cannot be read: {path}: {reason}."


def larger_than(limit: int) -> str:
    return f"it has more than {limit} bytes"


def not_text() -> str:
    return "it is not UTF-8 text"


def too_long(limit: int) -> str:
    return f"must have at most {limit} characters."


def not_toml(reason: str) -> str:
    return f"is not valid TOML: {reason}."


def check_the_file() -> str:
    return "Check the path and that this user may read it."


def settings_refused(count: int) -> str:
    return "The settings have a problem." if count == 1 else f"The settings have {count} problems."


def problem_line(key: str, source: str, reason: str, fix: str) -> str:
    where = f" ({source})" if source and source != key else ""
    return " ".join(part for part in (f"{key}{where}", reason, fix) if part)


def files_read(paths: Sequence[str]) -> str:
    return f"Read {', '.join(paths)}." if paths else "Read no configuration file: defaults and environment only."


def settings_good() -> str:
    return "The settings are good."


# --- Command line -------------------------------------------------------------------------------------------


def failed(message: str) -> str:
    return f"Error: {message}"


def what_to_do(fix: str) -> str:
    return f"What to do: {fix}"


def not_possible_here(path: str, why: str) -> str:
    return f"{path}: {why}." if path else f"{why}."


def check_rights_and_disk() -> str:
    return "Run it as the user who owns that, check its rights, and that the disk has room."


def certificates_unusable(path: str, why: str) -> str:
    return f"The certificates in {path} cannot be used: {why}."


def check_ca_file() -> str:
    return "Let ca_file under [forgejo] name a PEM file that this user may read, or take it out."


def not_our_folder(path: str) -> str:
    return f"{path} is not a clone of Agent Fleet: it has no pyproject.toml and no bot folder."


def go_to_the_clone() -> str:
    return "Run this in the clone, or name it with --root."


def generated_stale(paths: Sequence[str]) -> str:
    return f"Not what the code says any more: {', '.join(paths)}."


def build_docs() -> str:
    return "Run `agent-fleet docs build` and commit the result."


def generated_current(count: int) -> str:
    return f"{count} generated files are current."


def generated_written(path: str) -> str:
    return f"wrote {path}"


def try_again(retry_after: float | None) -> str:
    when = "later" if retry_after is None else f"in {round(retry_after)} s"
    return f"Try again {when}; when it stays so, `agent-fleet doctor` says why, and how to put it right."


def no_completion(shell: str) -> str:
    return f"There is no completion for {shell}."


def only_serve_listens() -> str:
    return "--bind and --port belong behind `serve`."


# --- The worker ---------------------------------------------------------------------------------------------


def another_worker(database: str) -> str:
    return f"Another worker already runs on {database}."


def stop_the_other_worker() -> str:
    return "Stop that one first; one worker per database is enough."


# --- migrate, verify, agents, tokens ------------------------------------------------------------------------


def not_applied(path: str, names: Sequence[str]) -> str:
    return f"The database {path} is not up to date: {', '.join(names)} not applied."


def run_migrate() -> str:
    return "Run `agent-fleet migrate`."


def applied(name: str) -> str:
    return f"applied {name}"


def schema_current(path: str) -> str:
    return f"The database {path} is up to date."


def difference(task_id: str, what: str) -> str:
    return f"{task_id}: {what}"


def verified(count: int) -> str:
    if not count:
        return "Every task is what its events say."
    return f"{count} difference{'s' if count > 1 else ''}: the database is not what its log says."


def verified_quickly(count: int) -> str:
    return verified(count) if count else "Every task is in the state that its events lead to."


def left_out_when_quick() -> list[str]:
    return ["the log's digests", "what events and tasks say besides", "the sizes of what is kept"]


def not_checked(what: Sequence[str]) -> str:
    return f"Not checked: {', '.join(what)}. `agent-fleet verify` without --quick does."


def moment(at: float) -> str:
    """2026-11-22 11:02 UTC; – for never"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "–"


def no_agents() -> str:
    return "No agent has registered."


def bad_agent_name(name: str) -> str:
    return f"{name!r} cannot be an agent's name."


def agent_name_rule() -> str:
    return "Use 1 to 64 of the characters A-Z a-z 0-9 . _ -"


def token_shown_once() -> str:
    return "This is the only time that the token is shown; keep it in a file that only its user can read."


def no_tokens() -> str:
    return "There are no tokens."


def no_such_token(prefix: str) -> str:
    return f"No token that can be revoked begins with {prefix!r}."


def see_tokens() -> str:
    return "`agent-fleet tokens list` shows the beginnings of all tokens."


def token_revoked(prefix: str) -> str:
    return f"Revoked {prefix}…"


def token_state(revoked_at: float, expires_at: float, now: float) -> str:
    if revoked_at:
        return f"revoked {moment(revoked_at)}"
    if not expires_at:
        return "valid"
    return f"valid until {moment(expires_at)}" if now < expires_at else f"expired {moment(expires_at)}"
