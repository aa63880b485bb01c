"""Writing a new configuration file: whole, private, and one that the service starts with."""

import os
import tempfile
from pathlib import Path

from bot.cli.failures import WrongSettings
from bot.core import backup_text as text
from bot.core.errors import Refused
from bot.settings import SettingsError, load


def write_new(output: Path, content: str) -> None:
    """All or nothing, never over an existing file, and only what the service would start with. Raises Refused."""
    try:
        fd, name = tempfile.mkstemp(prefix=".agent-fleet-", suffix=".toml", dir=output.absolute().parent)
    except OSError as problem:
        raise Refused(text.cannot_write(str(output), problem.strerror or ""), text.check_place()) from problem
    draft = Path(name)  # mkstemp makes it 0600
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(content)
        load(draft, {})
        os.link(draft, output)  # unlike a rename, never over an existing file
    except SettingsError as error:
        problems = [f"  {it.key} {it.reason} {it.fix}".rstrip() for it in error.problems]
        raise WrongSettings(text.init_wrong(str(output)), problems) from error
    except FileExistsError:
        raise Refused(text.exists(str(output)), text.other_name(), 409, "exists") from None
    finally:
        draft.unlink(missing_ok=True)
