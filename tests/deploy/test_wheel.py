"""What is installed from the wheel works without the clone."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path
from typing import Final

import pytest

import bot
from tests.hosts.machines import free_port

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves nothing in the clone."""
    clone, dist = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("dist")
    for name in ("bot", "migrations"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "gunicorn.conf.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=clone, check=True, capture_output=True, timeout=100)
    [made] = dist.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`agent-fleet` in an environment that holds nothing but the wheel; what it depends on is lent by ours."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=100)
    install = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=100, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return home / "bin/agent-fleet"


def run(program: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # PYTHONPATH lends packages, but not our editable install, which is a .pth file
    env = {"PYTHONPATH": sysconfig.get_path("purelib"), "PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_wheel_holds_the_program_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"app.py", "bot", "migrations"}
    assert {path.name for path in (ROOT / "migrations").glob("*.py")} <= {Path(name).name for name in names}
    assert {"bot/py.typed", "bot/web/gunicorn.conf.py"} <= set(names)
    pages = [path for part in ("templates", "static") for path in (ROOT / "bot/dashboard" / part).iterdir()]
    assert {str(path.relative_to(ROOT)) for path in pages} <= set(names)


def test_it_is_installed_and_serves(program: Path, tmp_path: Path) -> None:
    assert run(program, tmp_path, "--version").stdout == f"agent-fleet {bot.__version__}\n"
    token = tmp_path / "token"
    token.write_text("t0ken-t0ken")
    port = str(free_port())
    made = run(
        program, tmp_path, "init", "--url", "http://127.0.0.1:1", "--token-file", str(token), "--port", port
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    env = {"PYTHONPATH": sysconfig.get_path("purelib"), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with subprocess.Popen(
        [str(program), "serve"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert port in server.stdout.readline()  # printed once it answers
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=30) as answer:
                assert b"/style.css" in answer.read()
            said = run(program, tmp_path, "doctor", "--json").stdout
            found = {x["check"]: x["state"] for x in json.loads(said)["lines"]}
            assert (found["database"], found["server"], found["forge"]) == ("ok", "ok", "fail"), said
        finally:
            server.terminate()
    assert server.returncode == 0
