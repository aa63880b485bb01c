"""What a task's page says beside its timeline: buttons, log, refusals."""

from bot.core import cleaning

#: By the button's name: what it says, and what it does.
BUTTONS = {
    "approve": ("Approve", "Lets it go on, exactly as it stands here."),
    "say": ("Say", "Words for the agent; when it has asked something, this is the answer."),
    "retry": ("Retry", "Another attempt on the same branch."),
    "unhold": ("Release", "Puts it back into the queue, unless something else keeps it out."),
    "hold": ("Hold", "Keeps it out of the queue."),
    "cancel": ("Cancel", "Stops the attempt, or takes the task out of the queue."),
}
#: What the field beside a button is for; a button that is not here has none.
FIELDS = {
    "say": "What to say",
    "retry": "Note for the agent (may stay empty)",
    "hold": "Reason (may stay empty)",
    "cancel": "Reason (may stay empty)",
}


def pressed(name: str) -> str:
    """After a button was pressed."""
    return {
        "approve": "Approved: it goes on.",
        "say": "The agent is told.",
        "retry": "Another attempt waits for an agent now.",
        "unhold": "Released.",
        "hold": "Held: it stays out of the queue until somebody releases it.",
        "cancel": "Cancelled.",
    }.get(name, "")


def no_such_button() -> str:
    return "There is no such button."


def not_now(name: str, state: str) -> str:
    label = BUTTONS[name][0]
    return f"{label} is not possible: the task is {state} by now."


def look_again() -> str:
    return "Look at the task again; somebody, or the fleet itself, was faster."


def a_newer_one() -> str:
    return "This task is over, and the issue has a newer one."


def go_to_newer() -> str:
    return "Go to the newer task and steer that."


def text_was_changed() -> str:
    return "The issue says something else than what you have read here, so nothing was approved."


def changed_meanwhile() -> str:
    return "The task has changed since you looked at it, so nothing was done."


def read_it_again() -> str:
    return "Look at the task again in a moment, read the text, and approve that."


def say_something() -> str:
    return "Nothing was said: the field was empty."


def write_something() -> str:
    return "Write what the agent should know, and press again."


def may_not_start(repo: str) -> str:
    return f"The rules of {cleaning.code(repo, 100)} do not let you start agents there."


def ask_who_may() -> str:
    return "Its file `.forgejo/fleet.toml` says who may."


def log_for_writers() -> str:
    return "What the agent printed, and what it was told, is shown to people with write access."


def cut(characters: int) -> str:
    """In place of the rest of a line that nobody could read."""
    return f"⟨{characters} more characters; the download has them⟩"


def found(number: int, *, more: bool) -> str:
    if more:
        return f"The first {number} lines that hold it:"
    return "No line holds it." if not number else "1 line holds it:" if number == 1 else f"{number} lines hold it:"


def no_receipt() -> str:
    return "No receipt yet: it is signed when the pull request is open and its checks have answered."


def text_gone() -> str:
    return "The text is not kept any more."


def cost_unknown() -> str:
    return "not told"


def nothing_printed() -> str:
    return "Nothing has been printed yet."
