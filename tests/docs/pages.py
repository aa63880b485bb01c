"""Runs the shell blocks of a page, as a reader would: in order, in one shell, each checked.

A comment in the line above a block says how, where it is not simply "run it":

    <!-- run: background until "TEXT" -->      in a terminal of its own; goes on when it has printed TEXT
    <!-- run: repeat until "TEXT" -->          again and again, until it prints TEXT
    <!-- run: shows "TEXT" or "TEXT" -->       prints one of them
    <!-- run: stdin NAME -->                   the reader types what the test calls NAME
    <!-- run: by FILE -->                      each of its lines stands in that file of the project, which CI runs
    <!-- run: not, REASON -->                  not run here
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.hosts.machines import need

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(
    r"(?:^<!-- run: (?P<how>.*?) -->\n)?^```(?:sh|bash)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_PATIENCE_SECS: Final = 60
_SCRIPT: Final = """\
set -euo pipefail
tell() { echo "$1: after 60 s, or at its end, it had not printed $2, but:"; cat "$1"; exit 9; } >&2
shown() { for one in "${@:2}"; do grep -qF -- "$one" "$1" && return; done; false; }
"""


@dataclass(frozen=True)
class Block:
    """``how`` is the first word of its annotation, "" = plain; ``texts`` those in quotation marks."""

    code: str
    how: str
    rest: str
    line: int

    @property
    def texts(self) -> list[str]:
        return [text.replace('\\"', '"') for text in re.findall(r'"((?:[^"\\]|\\.)+)"', self.rest)]


def need_tools() -> None:
    for tool in ("bash", "curl", "jq"):
        need(tool, shutil.which(tool), f"install {tool}")


def blocks(page: Path) -> list[Block]:
    """The shell blocks of a page, in order."""
    text, found = page.read_text("utf-8"), []
    for match in _BLOCK.finditer(text):
        how, _, rest = (match["how"] or "").partition(" ")
        found.append(Block(match["code"], how.rstrip(","), rest, text[: match.start("code")].count("\n") + 1))
    return found


def run(page: Path, folder: Path, instead: Mapping[str, str], typed: Mapping[str, str] | None = None) -> str:
    """Runs the page in ``folder`` with what stands ``instead`` of its examples; what it printed.

    Fails when a block does. Every program that a block left running is ended.
    """
    (folder / "bin").mkdir()
    program = folder / "bin/agent-fleet"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m bot "$@"\n')
    program.chmod(0o755)
    (folder / "typed").mkdir()
    for name, value in (typed or {}).items():
        (folder / "typed" / name).write_text(f"{value}\n")
    script = _SCRIPT + "".join(_lines(one, folder) for one in blocks(page))
    for example, real in instead.items():
        assert example in script, f"{page.name} does not say {example}"
        script = script.replace(example, real)
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    # Nobody is as quick as this: a review in the very moment in which its pull request opens is found by a sweep.
    env["AGENT_FLEET_ORCHESTRATOR__SWEEP_INTERVAL_SECS"] = "10"
    work = folder / "work"
    work.mkdir(exist_ok=True)
    log = folder / "log"
    with log.open("wb") as out, subprocess.Popen(
        ["bash", "-c", script], cwd=work, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as shell:  # fmt: skip
        try:
            code: int | str = shell.wait(1.5 * _PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            code = "it does not come to an end"
        finally:
            _end(shell.pid)
    said = log.read_text("utf-8", errors="replace")
    assert code == 0, f"{page.name} cannot be followed ({code}):\n{said[-6000:]}"
    return said


def _lines(block: Block, folder: Path) -> str:
    out = f"{folder}/out.{block.line}"
    texts = " ".join(f"'{text}'" for text in block.texts)
    code = f"{{ echo '--- line {block.line}'\n{block.code}}}"
    patient = f"n=0; until shown {out} {texts}; do n=$((n+1)); [ $n -lt 300 ] || tell {out} {texts}; sleep 0.2"
    match block.how:
        case "":
            return f"{code}\n"
        case "shows":
            return f"{code} >{out} 2>&1 || tell {out} 0\ncat {out}\nshown {out} {texts} || tell {out} {texts}\n"
        case "stdin":
            return f"{code} <{folder}/typed/{block.rest}\n"
        case "repeat":
            return f": >{out}\n{patient}\n{code} >{out} 2>&1 || true\ndone\n"
        case "background":
            return f"{code} >{out} 2>&1 &\n{patient}; done\n"
        case "by":
            missing = [x for x in _commands(block) if x not in (ROOT / block.rest).read_text("utf-8")]
            assert not missing, f"{block.rest} does not run {missing}"
            return ""
        case "not":
            assert block.rest, f"line {block.line}: why not?"
            return ""
    raise AssertionError(f"line {block.line}: unknown annotation {block.how}")


def _commands(block: Block) -> list[str]:
    return [line.partition("#")[0].strip() for line in block.code.splitlines() if line.strip()]


def _end(group: int) -> None:
    """SIGTERM to whatever is left, and SIGKILL to what is still there after a while."""
    deadline = time.monotonic() + _PATIENCE_SECS
    if _alive(group):
        os.killpg(group, signal.SIGTERM)
    while _alive(group):
        if time.monotonic() > deadline:
            os.killpg(group, signal.SIGKILL)
        time.sleep(0.05)


def _alive(group: int) -> bool:
    """Whether a process of the group runs; one that only waits to be reaped does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False
