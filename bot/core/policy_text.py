"""Sentences about a repository's policy, short enough for a commit status."""

from collections.abc import Sequence

from bot.core import cleaning


def not_toml(why: str) -> str:
    return cleaning.one_line(f"not TOML: {why}", 100)


def unknown_key(key: str, known: Sequence[str]) -> str:
    return cleaning.one_line(f"{key} is unknown; there is {', '.join(known)}", 100)


def bad_value(key: str, why: str) -> str:
    return cleaning.one_line(f"{key}: {why[:1].lower()}{why[1:]}", 100)


def good() -> str:
    return "Fleet policy is in force"


def kept_last(why: str) -> str:
    return cleaning.one_line(f"Fleet policy not used, the last good one stays: {why}", 140)


def removed() -> str:
    return "its .forgejo/fleet.toml was removed"


def too_many_open(most: int) -> str:
    return (
        f"This repository lets {most} tasks be unfinished at once (`.forgejo/fleet.toml`), and there are that many. "
        "Finish or cancel one first."
    )
