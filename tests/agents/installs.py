"""Installs the agent CLIs, at the versions in `versions.toml`, into a folder outside the repository."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

_VERSIONS: Final = Path(__file__).with_name("versions.toml")
_INSTALL_SECS: Final = 900.0
_ARCH: Final = {"x86_64": "x64", "aarch64": "arm64"}
#: What the CLIs of npm need; the newest of them refuse an older one.
_NODE_MAJOR: Final = 22


class Missing(Exception):
    """Something outside this repository is not there."""


@cache
def versions() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(_VERSIONS.read_text("utf-8"))


def cli_names() -> list[str]:
    return [name for name in versions() if name != "node"]


def cache_folder() -> Path:
    return Path(os.environ.get("AGENT_FLEET_CLI_CACHE") or Path.home() / ".cache/agent-fleet/clis")


def installed(name: str) -> list[Path]:
    """Folders for PATH, the CLI installed. Raises Missing when the machine cannot."""
    entry = versions()[name]
    if entry["registry"] != "npm":
        return [_from_pypi(name, entry, _python(str(entry["python"]))) / "bin"]
    return [_from_npm(name, entry), *([] if _has_node() else [_node() / "bin"])]


def _node() -> Path:
    """The folder of a Node.js of our own: ``bin`` and ``lib/node_modules/npm``."""
    entry = versions()["node"]
    [found] = _from_pypi("node", entry, sys.executable).glob(f"lib/python3*/site-packages/{entry['path']}")
    return found


def _npm() -> list[str]:
    if _has_node():
        return ["npm"]
    node = _node()
    return [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]


def _arch() -> str:
    machine = platform.machine()
    if machine not in _ARCH:
        raise Missing(f"the agent CLIs are not built for {machine}")
    return _ARCH[machine]


def _packages(entry: Mapping[str, Any]) -> list[str]:
    return [package.replace("{arch}", _arch()) for package in entry["packages"]]


def _from_npm(name: str, entry: Mapping[str, Any]) -> Path:
    npm = _npm()
    with _place(name, entry) as (place, todo):
        if todo:
            words = [*npm, "install", "--prefix", str(place), "--no-audit", "--no-fund", "--ignore-scripts"]
            _run([*words, "--loglevel=error", *_packages(entry)])
    return place / str(entry.get("path", "node_modules/.bin")).replace("{arch}", _arch())


def _from_pypi(name: str, entry: Mapping[str, Any], python: str) -> Path:
    with _place(name, entry) as (place, todo):
        if todo:
            _run([python, "-m", "venv", str(place)])
            pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, *_packages(entry)])
    return place


@contextmanager
def _place(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[Path, bool]]:
    """The folder of these very packages, and whether it has still to be filled; one process at a time."""
    key = hashlib.sha256(" ".join(_packages(entry)).encode()).hexdigest()[:12]
    place = cache_folder() / f"{name}-{key}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / ".complete"
        todo = not done.exists()
        if todo:
            if place.exists():  # what was interrupted
                shutil.rmtree(place)
            place.mkdir()
        yield place, todo
        done.touch()


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=_INSTALL_SECS, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(words[:3])} … failed: {done.stderr.strip()[-500:]}")


def _python(version: str) -> str:
    """A Python that is ``version`` itself: a wrapper that only sometimes finds one does not count."""
    for name in (f"python{version}", "python3"):
        found = shutil.which(name)
        if found is None:
            continue
        script = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        told = subprocess.run([found, "-c", script], capture_output=True, text=True, timeout=20, check=False)
        if told.returncode == 0 and told.stdout.startswith(f"{version} "):
            return told.stdout.strip().partition(" ")[2]
    raise Missing(f"Python {version} is not installed")


@cache
def _has_node() -> bool:
    """Whether the machine has a Node.js and an npm that are new enough."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return False
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=20, check=True)
    return int(told.stdout.strip().removeprefix("v").split(".")[0]) >= _NODE_MAJOR
