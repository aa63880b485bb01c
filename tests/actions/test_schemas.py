"""Forgejo's own runner says whether our workflows and actions are such; FORGEJO_RUNNER_BIN says where it is."""

import os
import subprocess
from typing import Final

import pytest

from bot.core import actions_reference
from tests.actions.runner import ROOT

BINARY: Final = os.environ.get("FORGEJO_RUNNER_BIN", "")


@pytest.mark.real
@pytest.mark.skipif(not BINARY, reason="no Forgejo runner: set FORGEJO_RUNNER_BIN")
def test_forgejos_runner_takes_all_workflows_and_actions() -> None:
    done = subprocess.run([BINARY, "validate", "--directory", str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for action in actions_reference.ACTIONS:
        assert f"actions/{action.name}/action.yml action schema validation OK" in done.stdout
    for workflow in (ROOT / ".forgejo/workflows").glob("*.yml"):
        assert f".forgejo/workflows/{workflow.name} workflow schema validation OK" in done.stdout
