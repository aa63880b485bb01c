"""The kinds of values that settings have, each refusing what it cannot be."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from bot.core import operator_text as text
from bot.core.database_url import is_postgresql

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
#: What needs no quoting in any shell.
ABSOLUTE_PATH: Final = re.compile(r"/[A-Za-z0-9._/@+-]{0,1000}")
HOST_KEY: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?|[a-z0-9@.-]+ [A-Za-z0-9+/]{40,}={0,2}( .*)?")
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Section(BaseModel):
    """A group of settings: unknown keys and near-miss types are refused, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


def impossible(reason: str, fix: str = "", key: str = "") -> PydanticCustomError:
    """A value that cannot be; ``key`` names the setting when a whole section is being checked."""
    return PydanticCustomError("impossible", "{reason}", {"reason": reason, "fix": fix, "key": key})


def identifier(value: str) -> str:
    if not IDENTIFIER.fullmatch(value) or value in (".", ".."):
        raise impossible(text.bad_identifier())
    return value


def repository(value: str) -> str:
    if value and not REPOSITORY.fullmatch(value):
        raise impossible(text.bad_repository())
    return value


def web_address(value: str) -> str:
    """An http(s) address without credentials; the trailing slash goes, so that paths can be appended."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise impossible(text.bad_url("http:// or https://")) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or re.search(r"\s", value):
        raise impossible(text.bad_url("http:// or https://"))
    if parts.username is not None or parts.password is not None:
        raise impossible(text.url_with_password(), text.url_fix())
    if "?" in value or "#" in value:
        raise impossible(text.url_with_query())
    return value.rstrip("/")


def host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not HOST_NAME.fullmatch(value):
            raise impossible(text.bad_bind()) from None
    return value


def token(value: SecretStr) -> SecretStr:
    if re.search(r"\s", value.get_secret_value()):
        raise impossible(text.has_whitespace(), text.copy_again())
    return value


def phrase(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value()
    if plain != plain.strip():
        raise impossible(text.has_outer_whitespace(), text.copy_again())
    return value


def database(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value()
    if plain and not is_postgresql(plain):
        raise impossible(text.bad_database_url())
    return value


def branch_prefix(value: str) -> str:
    # git check-ref-format, narrowed to what nobody has to quote
    if (
        not re.fullmatch(r"([A-Za-z0-9_][A-Za-z0-9._-]*/)+", value)
        or ".." in value
        or re.search(r"(\.|\.lock)/", value)
    ):
        raise impossible(text.bad_branch_prefix())
    return value


def path_in_repository(value: str) -> str:
    parts = value.removesuffix("/").split("/")
    if "\\" in value or any(part in ("", ".", "..") for part in parts):
        raise impossible(text.bad_protected_path())
    return value


def variable(value: str) -> str:
    if not VARIABLE.fullmatch(value):
        raise impossible(text.bad_variable())
    if value.upper().startswith("AGENT_FLEET_"):
        raise impossible(text.ours_not_for_agents())
    return value


def absolute_path(value: str) -> str:
    if not ABSOLUTE_PATH.fullmatch(value) or ".." in value.split("/"):
        raise impossible(text.bad_absolute_path())
    return value.rstrip("/") or "/"


def host_key(value: str) -> str:
    if value and not HOST_KEY.fullmatch(value.strip()):
        raise impossible(text.bad_host_key())
    return value.strip()


def once_each(values: list[str]) -> list[str]:
    for value in values:
        if values.count(value) > 1:
            raise impossible(text.said_twice(value))
    return values


Text = Annotated[str, Field(min_length=1, max_length=4096)]
Identifier = Annotated[str, AfterValidator(identifier)]
Repository = Annotated[str, AfterValidator(repository)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Host = Annotated[str, AfterValidator(host)]
Token = Annotated[SecretStr, AfterValidator(token)]
Phrase = Annotated[SecretStr, AfterValidator(phrase)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(database)]
BranchPrefix = Annotated[str, AfterValidator(branch_prefix)]
PathInRepository = Annotated[str, AfterValidator(path_in_repository)]
AbsolutePath = Annotated[str, AfterValidator(absolute_path)]
HostKey = Annotated[str, AfterValidator(host_key)]
Variable = Annotated[str, AfterValidator(variable)]
#: Lax, because strict pydantic refuses a string where a path is meant, and TOML has only strings.
FilePath = Annotated[Path, Field(strict=False)]

Port = Annotated[int, Field(ge=1, le=65535)]
#: A time span of at least a second and at most a week.
Seconds = Annotated[int, Field(ge=1, le=604_800)]
#: A time span that may be nothing.
SecondsOrNone = Annotated[int, Field(ge=0, le=604_800)]
#: From a day to ten years.
Days = Annotated[int, Field(ge=1, le=3650)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
CountOrNone = Annotated[int, Field(ge=0, le=1_000_000)]
#: From a kibibyte to 16 GiB.
Bytes = Annotated[int, Field(ge=1024, le=17_179_869_184)]
#: Up to a pebibyte; 0 = no limit.
BytesOrNone = Annotated[int, Field(ge=0, le=1_125_899_906_842_624)]
