"""Files are named for what they are about, fit in a head, and hold no promises."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 400
NAMELESS: Final = {"utils.py", "helpers.py", "common.py", "misc.py"}
PROMISES: Final = ("TO" + "DO", "FIX" + "ME", "XX" + "X ")


def ours() -> list[Path]:
    return sorted(path for folder in ("bot", "migrations", "tests") for path in (ROOT / folder).rglob("*.py"))


def test_no_file_is_named_for_nothing() -> None:
    assert not [str(path) for path in ours() if path.name in NAMELESS]


def test_no_file_is_too_long() -> None:
    found = {str(path): lines for path in ours() if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST}
    assert not {path: lines for path, lines in found.items() if f"{ROOT}/bot" in path}


def test_nothing_is_left_for_later() -> None:
    assert not [str(path) for path in ours() if any(word in path.read_text("utf-8") for word in PROMISES)]
