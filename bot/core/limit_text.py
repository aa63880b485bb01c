"""Sentences to people who asked for too much at once."""

from bot.core import cleaning


def too_many_commands(most: int) -> str:
    return f"You have given {most} commands within an hour, and that is the limit. Nothing was run; go on later."


def too_many_starts(most: int, span: str) -> str:
    """Also what a label is answered with."""
    tasks = "1 task" if most == 1 else f"{most} tasks"
    return (
        f"You have started {tasks} within {span}, and that is the limit for one person. Nothing was started; "
        "try again later: `/fleet run`."
    )


def label_starts_nothing(login: str, said: str) -> str:
    return f"@{cleaning.name(login)} {said[:1].lower()}{said[1:]}"
