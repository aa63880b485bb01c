"""Sentences about issues that agents open for work they came across."""

from collections.abc import Sequence

from bot.core import cleaning


def title(said: str) -> str:
    return cleaning.defanged(cleaning.one_line(said, 200))


def body(parent: int, agent: str, said: str) -> str:
    """The issue's text: whose words they are stands first, and every line of them is quoted."""
    words = "\n".join(f"> {line}".rstrip() for line in cleaning.defanged(said).splitlines())
    return (
        f"Follow-up of #{parent}, opened by the agent {cleaning.name(agent)} that works on that. No agent starts on it "
        "before somebody with write access has read it and writes `/fleet approve`. What follows are the agent's own "
        f"words, not a person's:\n\n{words}"
    )


def listed(found: Sequence[tuple[int, str]]) -> str:
    """In the parent's status comment; (issue, state) of each."""
    return "Follow-ups opened by its agents: " + ", ".join(f"#{number} ({state})" for number, state in found) + "."


def asked_by_agent(agent: str) -> str:
    """The situation of a follow-up that waits."""
    return (
        f"The agent {cleaning.name(agent)} asked for this. Someone with write access lets it start with "
        "`/fleet approve`, or ends it with `/fleet cancel`."
    )


def too_many(parent: int, most: int) -> str:
    return f"{most} follow-ups may be opened from issue {parent}, and there are that many."


def too_deep(depth: int) -> str:
    return f"Follow-ups may be {depth} deep, and this issue is one of the last."


def none_allowed() -> str:
    return "Agents may not open follow-ups here."


def say_it_in_the_summary() -> str:
    return "Name what is left to do in the summary of your work instead: people read it in the pull request."


def no_title() -> str:
    return "The title says nothing that can be shown."
