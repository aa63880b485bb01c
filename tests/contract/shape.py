"""The shape of a JSON value: which fields there are and of which type, whatever their values."""

from typing import Any


def shape(value: Any, at: str = "") -> set[tuple[str, str]]:
    """Every path with its type; list elements share the path ``[]``, so a list's length does not matter."""
    if isinstance(value, dict):
        inner = (shape(part, f"{at}.{name}") for name, part in value.items())
        return {(at, "object")}.union(*inner)
    if isinstance(value, list):
        return {(at, "array")}.union(*(shape(part, f"{at}[]") for part in value))
    return {(at, _type(value))}


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def differences(recorded: Any, seen: Any, *, more_is_fine: bool = False, ignored: str = "") -> list[str]:
    """What differs, one line each. ``more_is_fine``: a newer server may add fields."""
    old, new = (_without(shape(value), ignored) for value in (recorded, seen))
    lines = [f"missing {path or '(all)'}: {kind}" for path, kind in sorted(old - new)]
    if not more_is_fine:
        lines += [f"not recorded {path or '(all)'}: {kind}" for path, kind in sorted(new - old)]
    return lines


def _without(found: set[tuple[str, str]], ignored: str) -> set[tuple[str, str]]:
    """The shape without one field, wherever it is, and all below it."""
    if not ignored:
        return found
    return {(path, kind) for path, kind in found if ignored not in path.replace("[]", "").split(".")}
