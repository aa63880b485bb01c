"""What operators read outside of the forge, and what the commands and checks about that say."""

from collections.abc import Sequence

from bot.core import text
from bot.core.reasons import Reason


def asks_title(where: str) -> str:
    return f"{where}: an agent waits for an answer"


def asks(where: str, until: float) -> str:
    return (
        f"The agent that works on {where} has asked a question and stopped. Answer it in the issue before "
        f"{text.moment(until)}; then it goes on. The question stands there."
    )


def failed_title(where: str) -> str:
    return f"{where}: failed for good"


def failed(where: str, why: Reason, attempt: int) -> str:
    return (
        f"The task of {where} has failed in attempt {attempt} and is not tried again: {text.reason(why)}. "
        "The issue says more; `/fleet retry` there starts it again."
    )


def over_budget_title(where: str) -> str:
    return f"{where}: stopped by its budget"


def over_budget(where: str) -> str:
    return (
        f"The task of {where} has used up its budget and was stopped. Raise the limit under [budget] and write "
        "`/fleet retry` in the issue if it is to go on."
    )


def day_over_title(where: str) -> str:
    return f"{where}: the budget of the day is used up"


def day_over(where: str) -> str:
    return f"{where} has used up its budget of today (UTC). No new work is started there before tomorrow."


def whole_fleet() -> str:
    return "The fleet"


def host_title(host: str) -> str:
    return f"Host {host} gets no work"


def host_quarantined(host: str) -> str:
    return (
        f"Host {host} has failed too often in a row, or can no longer be trusted, and gets no work for now. "
        f"`agent-fleet hosts check {host}` says what is wrong."
    )


def forge_silent_title() -> str:
    return "The forge does not answer"


def forge_silent(url: str, since: float) -> str:
    return (
        f"{url} has not answered since {text.moment(since)}. Nothing is lost: what waits is done when it answers "
        "again. `agent-fleet doctor` says what is wrong."
    )


def forge_back_title() -> str:
    return "The forge answers again"


def forge_back(url: str, silent_secs: float) -> str:
    return f"{url} answers again, after {text.span(silent_secs)}."


def test_title() -> str:
    return "Agent Fleet: a test"


def test() -> str:
    return "This is what a notification looks like. Nothing has happened, and there is nothing to do."


def footer(destination: str) -> str:
    return f"Sent by Agent Fleet to {destination!r} under [[notify]] of its configuration."


# --- sending ---------------------------------------------------------------------------------------------------


def answered(where: str, status: int) -> str:
    return f"{where} answered {status}."


def no_answer(where: str, why: str) -> str:
    return f"{where} cannot be reached: {why}"


def not_private(where: str) -> str:
    return (
        f"{where} cannot be reached in private: its certificate is not trusted, or it speaks no TLS there. "
        "For a certificate of your own set ca_file."
    )


def mail_refused(where: str, code: int) -> str:
    return f"The mail server {where} refused with {code}."


def some_not_taken(where: str, addresses: Sequence[str]) -> str:
    return f"The mail server {where} does not take {', '.join(addresses)}; the others have it."


def mail_needs_tls(where: str) -> str:
    return f"The mail server {where} offers no STARTTLS, and the password must not go out in the clear."


def too_old() -> str:
    return "It could not be sent for three days."


def not_configured_any_more() -> str:
    return "Its destination has gone from the configuration."


def secret_missing(name: str) -> str:
    return f"The variable {name} that holds the secret of a notification is not set."


def secret_unreadable(path: str, why: str) -> str:
    return f"The secret file {path} cannot be read: {why}."


def secret_empty(path: str) -> str:
    return f"The secret file {path} is empty."


def set_the_variable(name: str) -> str:
    return f"Set {name}, or name a file in secret_file."


# --- settings --------------------------------------------------------------------------------------------------


def bad_window() -> str:
    return "must be two times of the day such as 22:00-07:00."


def bad_zone() -> str:
    return "is no time zone that this machine knows; write one such as Europe/Berlin or UTC."


def bad_address() -> str:
    return "must be an e-mail address such as ops@example.org."


def needed_for(kind: str) -> str:
    return f"is needed for kind {kind}."


def not_for(kind: str) -> str:
    return f"is not for kind {kind}."


def one_secret() -> str:
    return "may only be given once: secret, secret_file or secret_env."


def no_topic() -> str:
    return "must end with the topic, such as https://ntfy.sh/my-fleet."


def to_ourselves() -> str:
    return "is this service's own address: it would tell itself."


def password_without_tls() -> str:
    return "may not be none with a password, except to this machine."


# --- command line and doctor -----------------------------------------------------------------------------------


def nothing_configured() -> str:
    return "No notifications are configured."


def see_notify() -> str:
    return "Add [[notify]] to the configuration: docs/how-to/get-notified.md"


def no_such_destination(name: str, known: Sequence[str]) -> str:
    return f"There is no [[notify]] called {name!r}; there are: {', '.join(known)}."


def was_sent(name: str) -> str:
    return f"{name}: sent."


def was_not_sent(name: str, why: str) -> str:
    return f"{name}: not sent. {why}"


def waiting_line(name: str, count: int) -> str:
    return f"{name}: {count} to be sent" if count else f"{name}: nothing waits"


def doctor_good(names: Sequence[str]) -> str:
    return f"Notifications go out ({', '.join(names)})."


def doctor_none() -> str:
    return "No notifications are configured; nobody is told when a task waits or fails."


def try_it(command: str) -> str:
    return f"Mend its settings under [[notify]]; `{command}` tries them. What waits is sent then by itself."


def doctor_failing(name: str, why: str) -> str:
    return f"Notifications to {name} do not go out. {why}"


def doctor_unusable(name: str, why: str) -> str:
    return f"Notifications to {name} cannot be sent: {why}"
