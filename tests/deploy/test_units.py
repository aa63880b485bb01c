"""The systemd units: understood by systemd, and shut as far as the service allows."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

UNITS: Final = Path(__file__).parents[2] / "deploy" / "systemd"
PROGRAM: Final = "/opt/agent-fleet/bin/agent-fleet"
MOST_EXPOSED: Final = 2.0

analyze: Final = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units with a program that exists; the template as an instance of it."""
    made = []
    for unit in sorted(UNITS.iterdir()):
        target = tmp_path / unit.name.replace("@", "@codex-cli")
        target.write_text(unit.read_text("utf-8").replace(PROGRAM, "/bin/true"))
        made.append(target)
    assert len(made) == 4
    return made


@analyze
def test_systemd_has_nothing_to_say(installed: list[Path]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, installed)], capture_output=True, text=True, timeout=60
    )
    about_ours = [line for line in done.stderr.splitlines() if "agent-fleet" in line]
    assert (done.returncode, about_ours) == (0, []), done.stderr


@analyze
def test_the_services_are_shut(installed: list[Path]) -> None:
    for unit in installed:
        if unit.suffix == ".service":
            plain = unit.with_name(unit.name.replace("@codex-cli", "-codex-cli"))
            plain.write_text(unit.read_text())
            done = subprocess.run(
                ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(plain)],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
            assert found is not None, done.stderr
            assert float(found[1]) <= MOST_EXPOSED, f"{unit.name}: {found[1]}"


def test_no_secret_stands_in_a_unit() -> None:
    for unit in UNITS.iterdir():
        for line in unit.read_text("utf-8").splitlines():
            if line.startswith("Environment="):
                assert not re.search(r"TOKEN|SECRET|PASSWORD", line), f"{unit.name}: {line}"
