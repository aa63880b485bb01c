"""pyforgejo's answers without its detours are what they were with them."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import pydantic
import pyforgejo
import pytest
from pyforgejo import types
from pyforgejo.core import pydantic_utilities, serialization
from pyforgejo.core.pydantic_utilities import UniversalBaseModel

from bot.forge import answers

_AT: Final = "2026-11-22T00:00:00+01:00"
_PERSON: Final = {"id": 3, "login": "bob", "created": _AT, "full_name": ""}
_FILE: Final = {"id": 1, "uuid": "u-1", "name": "a.txt", "size": 3, "created_at": _AT}
_ISSUE: Final = {
    "number": 12,
    "user": _PERSON,
    "labels": [{"id": 1, "name": "agent:python"}],
    "assignees": None,
    "assets": [_FILE],
    "created_at": _AT,
    "pull_request": None,
    "something_new": 1,
}
_CONTENT: Final = {"name": "a", "_links": {"self": "x", "git": None}, "last_commit_sha": "1"}
_RUN: Final = {"id": 1, "ScheduleID": 0, "created": _AT}


def models(of: type[pydantic.BaseModel] = UniversalBaseModel) -> Iterator[type[pydantic.BaseModel]]:
    for model in of.__subclasses__():
        yield model
        yield from models(model)


def test_every_name_that_pyforgejo_would_translate_is_an_alias_of_pydantic() -> None:
    for module in pkgutil.walk_packages(pyforgejo.__path__, "pyforgejo."):
        importlib.import_module(module.name)
    translated = 0
    for model in models():
        for field, alias in serialization.get_field_to_alias_mapping(model).items():
            assert model.model_fields[field].alias == alias, f"{model.__name__}.{field}"
            translated += 1
    assert translated


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (types.Issue, _ISSUE),
        (list[types.Issue], [_ISSUE, _ISSUE]),
        (types.ContentsResponse, _CONTENT),
        (types.ActionRun, _RUN),
        (types.RepoCollaboratorPermission, {"permission": "write", "user": _PERSON}),
    ],
)
def test_an_answer_is_the_same_json_as_before(model: Any, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read = pydantic_utilities.parse_obj_as
    found = answers.plain(read(model, said))
    theirs = serialization.convert_and_respect_annotation_metadata
    monkeypatch.setattr(pydantic_utilities, "convert_and_respect_annotation_metadata", theirs)
    before = read(model, said)
    all_of = before if isinstance(before, list) else [before]
    told = [x.model_dump(mode="json", by_alias=True) for x in all_of]
    assert found == (told if isinstance(before, list) else told[0])
