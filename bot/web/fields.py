"""The kinds of values that callers send."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from bot.core import api_text as text
from bot.core import cleaning

#: Ids stand in texts on the forge and in addresses: nothing in them mentions, breaks a line or needs quoting.
AgentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$", examples=["gpu-1"])]
AgentType = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}$", examples=["codex-cli"])]
TaskId = Annotated[str, Field(min_length=1, max_length=64)]
Fence = Annotated[int, Field(ge=1, lt=2**53)]
#: It becomes a word of a command line when the session is resumed: never an option.
Session = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/-]{0,199})?$")]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
BranchName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}$")]

MAX_PAGE: Final = 200
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/@+-]{1,128}$")]


def _no_path(value: str) -> str:
    if {".", ".."} & set(value.split("/")):  # it becomes part of an address on the forge
        raise ValueError(text.not_a_repository())
    return value


RepoName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$", examples=["alice/website"]),
    AfterValidator(_no_path),
]


def _one_line(value: str) -> str:
    if cleaning.plain(value) != value or "\n" in value:
        raise ValueError(text.not_one_line())
    return value


Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
Capability = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
Capabilities = Annotated[list[Capability], Field(max_length=100)]
Message = Annotated[str, Field(max_length=20_000)]
