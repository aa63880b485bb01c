"""Steps with git over HTTP, and branches by API."""

import subprocess
import tempfile
from pathlib import Path

from bot.standin.git import environment
from tests.contract.hooked import Scene
from tests.contract.steps import does, step


def _git(scene: Scene, *args: str) -> None:
    """git in the bot's clone, signed in by a header."""
    header = f"http.extraHeader=Authorization: token {scene.kept['git-token']}"
    who = ["-c", "user.name=Rec Order", "-c", "user.email=rec@example.test"]
    command = ["git", "-c", header, *who, *args]
    subprocess.run(command, cwd=scene.kept["clone"], check=True, capture_output=True, env=environment())


def _commit(scene: Scene, message: str) -> None:
    Path(scene.kept["clone"], "by_git.txt").write_text(message)
    _git(scene, "add", ".")
    _git(scene, "commit", "-m", message)


@step("new branch pushed with git by the bot")
def _(scene: Scene) -> None:
    scene.kept["git-token"] = scene.target.token("fleet-bot", "write:repository")
    scene.kept["clone"] = tempfile.mkdtemp(dir=scene.kept["folder"])
    _git(scene, "clone", f"{scene.target.url}/{scene.repo}.git", ".")
    _git(scene, "checkout", "-b", "fleet/9-by-git")
    _commit(scene, "One")
    _git(scene, "push", "origin", "HEAD")


@step("two commits pushed with git")
def _(scene: Scene) -> None:
    _commit(scene, "Two")
    _commit(scene, "Three")
    _git(scene, "push", "origin", "HEAD")


@step("force push with git")
def _(scene: Scene) -> None:
    _git(scene, "commit", "--amend", "-m", "Three again")
    _git(scene, "push", "--force", "origin", "HEAD")


@step("20 commits pushed with git")
def _(scene: Scene) -> None:
    for number in range(20):
        _commit(scene, f"Many {number}")
    _git(scene, "push", "origin", "HEAD")


@step("tag pushed with git")
def _(scene: Scene) -> None:
    _git(scene, "tag", "v0.1")
    _git(scene, "push", "origin", "v0.1")


@step("branch deleted with git")
def _(scene: Scene) -> None:
    _git(scene, "push", "origin", ":fleet/9-by-git")


@step("tag deleted with git")
def _(scene: Scene) -> None:
    _git(scene, "push", "origin", ":v0.1")


does(
    "branch created by API",
    "fleet-bot",
    "POST",
    "/branches",
    {"new_branch_name": "fleet/8-by-api", "old_ref_name": "main"},
)
does("branch deleted by API", "fleet-bot", "DELETE", "/branches/fleet%2F8-by-api")
