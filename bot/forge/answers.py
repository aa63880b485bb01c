"""What pyforgejo's answers cost, cut to what they are worth: both ways through its models, without the detours.

pyforgejo 2.0.7 walks through every answer by its models' annotations, which it resolves anew each time, to translate
names that pydantic then translates by itself; on the way out each model goes through a deprecated method that warns.
That was most of the time of a call.
"""

from typing import Any

import pydantic
from pydantic_core import to_jsonable_python
from pyforgejo.core import pydantic_utilities


def _as_it_came(*, object_: Any, annotation: Any, inner_type: Any = None, direction: str) -> Any:  # noqa: ARG001
    """In place of pyforgejo's own: all names that it would translate are pydantic's aliases too (held by a test)."""
    return object_


def without_detours() -> None:
    """From now on answers are read by pydantic alone; what is sent is not touched."""
    pydantic_utilities.convert_and_respect_annotation_metadata = _as_it_came  # type: ignore[attr-defined]


def plain(answer: Any) -> Any:
    """An answer of pyforgejo as JSON data; what an answer did not say is not in it."""
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    if isinstance(answer, pydantic.BaseModel):
        return to_jsonable_python(pydantic.BaseModel.model_dump(answer, by_alias=True, exclude_unset=True))
    return answer
