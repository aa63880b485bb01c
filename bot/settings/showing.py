"""The settings as a person may see them: secrets masked, the source of each beside it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from bot.settings.loading import Loaded

MASK: Final = "********"


def masked(loaded: Loaded) -> dict[str, Any]:
    """The whole tree as plain JSON values; secrets that are set read ``********``, others stay ``""``."""
    return {name: _plain(getattr(loaded.settings, name)) for name in type(loaded.settings).model_fields}


def _plain(value: object) -> Any:
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bool() | int() | str():
            return value
        case _:
            return str(value)
