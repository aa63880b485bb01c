"""What is said of a log or a task that cannot be read, and of a worker that fails on it."""

from collections.abc import Sequence


def why(problem: Exception) -> str:
    """What is wrong with the record of an event or a task, in words. By ``problem``, which reading it ended with."""
    match problem:
        case KeyError():
            return "its kind is unknown"
        case UnicodeError():
            return "its text is not UTF-8"
        case ValueError() if type(problem).__name__ == "JSONDecodeError":
            return "its text is no JSON"
        case _:
            return "its fields are not those that it should have"


def event_unreadable(n: int, task_id: str, reason: str) -> str:
    return f"Event {n} of task {task_id} cannot be read: {reason}."


def task_unreadable(task_id: str, reason: str) -> str:
    return f"Task {task_id} cannot be read: {reason}."


def verify_and_restore() -> str:
    return (
        "Run `agent-fleet verify`, which lists everything that is damaged; then restore a backup with "
        "`agent-fleet restore`."
    )


def column_not_utf8(column: str) -> str:
    return f"a text in its column {column} is not UTF-8"


def missing_events(first: int, last: int) -> str:
    return (
        f"events {first} to {last} are missing from the log"
        if last > first
        else f"event {first} is missing from the log"
    )


def changed_event(n: int) -> str:
    return f"event {n} was changed after it was written"


def unreadable_event(n: int, kind: str, reason: str) -> str:
    return f"event {n} ({kind}) cannot be read: {reason}"


def unknown_event(n: int, kind: str) -> str:
    return unreadable_event(n, kind, why(KeyError(kind)))


def impossible_event(n: int, kind: str, reason: str = "") -> str:
    return f"event {n} ({kind}) is not possible there" + (f": {reason}" if reason else "")


def unreadable_projection(reason: str) -> str:
    return f"it cannot be read ({reason})"


def what_next(*, in_log: bool) -> str:
    """After the list of differences."""
    if in_log:
        return (
            "The log itself is damaged, and nothing can make it again but a backup: stop the service, keep a copy of "
            "the database, and restore the newest backup that `verify` is content with (`agent-fleet restore BACKUP`)."
        )
    return (
        "The log is whole; what is derived from it differs, and no command derives it anew: stop the service, keep a "
        "copy of the database, and restore the newest backup that `verify` is content with "
        "(`agent-fleet restore BACKUP`)."
    )


def part_fails(name: str, secs: float) -> str:
    """For a part of the worker that ends with an error each time, although its loop comes round."""
    return f"The worker's {name} has not gone well for {secs:.0f} s: it ends with an error each time."


def see_the_log_and_verify() -> str:
    return (
        "The worker's log says why; `agent-fleet verify` says whether the database is damaged. If it is, restore a "
        "backup with `agent-fleet restore`."
    )


def guards_missing(names: Sequence[str]) -> str:
    return f"The log is not kept from being changed: the triggers that see to it are gone ({', '.join(names)})."


def guards_again() -> str:
    return (
        "Somebody has changed the database by hand: run `agent-fleet verify`. When it is content, stop the service and "
        "go on with a copy made by `agent-fleet db copy`, which has them; else restore a backup."
    )
