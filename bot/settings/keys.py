"""The list of all settings, read off the models: dotted names, variables, kinds, defaults."""

import difflib
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.core import operator_text as text
from bot.settings.sections import Settings

PREFIX: Final = "AGENT_FLEET_"
#: Variables of ours that are no settings.
NOT_SETTINGS: Final = frozenset({"AGENT_FLEET_CONFIG"})
#: How close a wrong name must be to a right one to be offered.
CLOSE_ENOUGH: Final = 0.6


@dataclass(frozen=True)
class Key:
    """One setting: ``name`` is dotted (`server.port`), ``default`` is None when there is none."""

    name: str
    doc: str
    default: object
    kind: type
    """``str``, ``int``, ``bool``, ``list`` or ``dict``: what its text in a variable is read as."""
    choices: tuple[str, ...]
    secret: bool

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper().replace(".", "__")

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]

    def read(self, written: str) -> object:
        """The value that ``written`` (in a variable or file) means; what has no meaning stays text.

        Lists may be JSON or ``a, b, c``; tables are JSON. Text where a number should be is refused later.
        """
        if self.kind is int:
            return _whole_number(written)
        if self.kind is bool:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
                written.strip().lower(), written
            )
        if self.kind in (list, dict):
            return _json(
                written, comma_list=self.kind is list and self.name not in ("hosts", "actions.allow", "notify")
            )
        return written


def _whole_number(written: str) -> object:
    try:
        return int(written)
    except ValueError:  # also a number of more than 4300 digits
        return written


def _json(written: str, *, comma_list: bool) -> object:
    stripped = written.strip()
    if comma_list and not stripped.startswith(("[", "{")):
        return [part.strip() for part in stripped.split(",") if part.strip()]
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return written


@cache
def all_keys() -> Mapping[str, Key]:
    """Every setting by dotted name, in the reference's order; ``hosts``, ``adapters`` and ``prices`` are one each."""
    found: list[Key] = []
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found += [_key(f"{name}.{leaf}", inner) for leaf, inner in info.annotation.model_fields.items()]
        else:
            found.append(_key(name, info))
    return {key.name: key for key in found}


def keys_of(model: type[BaseModel]) -> list[Key]:
    """The settings of one entry of a list or table, by their bare names."""
    return [_key(name, info) for name, info in model.model_fields.items()]


def _key(name: str, info: FieldInfo) -> Key:
    kind = _kind(info.annotation)
    return Key(
        name=name,
        doc=info.description or "",
        default=None if info.is_required() else info.get_default(call_default_factory=True, validated_data={}),
        kind=kind,
        choices=get_args(info.annotation) if get_origin(info.annotation) is Literal else (),
        secret=info.annotation is SecretStr,
    )


def _kind(annotation: Any) -> type:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (list, dict):
        return list if origin is list else dict
    if origin in (Union, types.UnionType):
        return _kind(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return dict
    return annotation if annotation in (int, bool, float) else str


def nearest(wrong: str, right: Iterable[str]) -> str:
    """The valid name that ``wrong`` was probably meant to be, or ""."""
    close = difflib.get_close_matches(wrong, list(right), n=1, cutoff=CLOSE_ENOUGH)
    return close[0] if close else ""


def suggestion(wrong: str) -> str:
    """What to say about an unknown dotted key: the name's true place, else a near name."""
    names = list(all_keys())
    section, _, leaf = wrong.rpartition(".")
    elsewhere = [name for name in names if name.rpartition(".")[2] == leaf]
    siblings = {key.leaf: key.name for key in all_keys().values() if key.section == section}
    sections = [] if section else list(Settings.model_fields)
    found = (
        next(iter(elsewhere), "")
        or siblings.get(nearest(leaf, siblings), "")
        or nearest(wrong, sections)
        or nearest(wrong, names)
    )
    return text.did_you_mean(found) if found else text.see_the_reference()
