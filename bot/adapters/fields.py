"""JSON that may be anything: every question has an answer, and nothing in it can raise."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

#: Larger numbers are nonsense from a counter's point of view.
_LARGEST: Final = 10**15


class Fields:
    """A JSON object. What is missing, or of another shape than asked for, is empty."""

    def __init__(self, value: object = None) -> None:
        self.raw: dict[str, Any] = value if isinstance(value, dict) else {}

    @classmethod
    def parse(cls, text: str) -> "Fields | None":
        """The object in ``text``, or None when it is not one."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # also: a number of 5000 digits, brackets 100 000 deep
            return None
        return cls(value) if isinstance(value, dict) else None

    def __bool__(self) -> bool:
        return bool(self.raw)

    def at(self, *path: str) -> "Fields":
        return Fields(self._value(path))

    def text(self, *path: str) -> str:
        value = self._value(path)
        return value if isinstance(value, str) else ""

    def whole(self, *path: str) -> int:
        """A count; 0 when there is none."""
        value = self.number(*path)
        return int(value) if value is not None and 0 <= value <= _LARGEST else 0

    def number(self, *path: str) -> float | None:
        value = self._value(path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) <= _LARGEST and not math.isnan(value) else None

    def says(self, *path: str) -> bool | None:
        value = self._value(path)
        return value if isinstance(value, bool) else None

    def each(self, *path: str) -> Iterator["Fields"]:
        """The objects of a list, in order."""
        value = self._value(path)
        if isinstance(value, list):
            yield from (Fields(item) for item in value if isinstance(item, dict))

    def texts(self, *path: str) -> list[str]:
        value = self._value(path)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def entries(self, *path: str) -> Iterator[tuple[str, "Fields"]]:
        """Names and objects of an object."""
        yield from ((name, Fields(value)) for name, value in self.at(*path).raw.items())

    def _value(self, path: tuple[str, ...]) -> object:
        value: object = self.raw
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value
