"""The release, run for real by `act`: what the tag's code becomes in a registry, and who can check it."""

import base64
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response, request

from bot import __version__
from bot.standin.serve import serve
from tests.actions.runner import ROOT, Ended, Runner, package

TOKEN: Final = "not-a-real-token"


class Registry:
    """The forge's package registry: its PyPI and generic uploads, as Forgejo documents them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.said: dict[str, str] = {}
        self.app = Flask(__name__)
        self.app.post("/api/packages/ann/pypi")(self.pypi)
        self.app.put("/api/packages/ann/generic/agent-fleet/<version>/<name>")(self.generic)

    def pypi(self) -> Response:
        content = request.files["content"]
        body = content.read()
        if request.form["sha256_digest"] != hashlib.sha256(body).hexdigest():
            return Response("hash mismatch", 400)
        self.said = dict(request.form)
        return self._keep(str(content.filename), body)

    def generic(self, version: str, name: str) -> Response:
        return self._keep(f"{version}/{name}", request.get_data())

    def _keep(self, name: str, body: bytes) -> Response:
        who = request.authorization
        if who is None or (who.username, who.password) != ("ann", TOKEN):
            return Response("Unauthorized", 401)
        if name in self.files:
            return Response("package file already exists", 409)
        self.files[name] = body
        return Response(status=201)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    with serve(registry.app) as address:
        yield address


def steps(*names: str) -> list[dict[str, Any]]:
    """The steps of the shipped workflow, by name; what `forgejo.…` and secrets say comes from the environment."""
    shipped = (ROOT / ".forgejo/workflows/release.yml").read_text()
    return [
        {"name": name, "shell": "bash", "run": re.search(rf"- name: {name}\n(?:.*\n)*?        run: (.+)", shipped)[1]}  # type: ignore[index]
        for name in names
    ]


def released(runner: Runner, url: str, *names: str, **changes: str) -> Ended:
    env = {"SERVER": url, "OWNER": "ann", "REPOSITORY": "ann/agent-fleet", "RUN_ID": "7", "TAG": f"v{__version__}"}
    env |= {"PYTHON": sys.executable, "PACKAGE_TOKEN": TOKEN} | changes
    return runner.runs(*({**step, "env": env} for step in steps(*names)))


def test_a_tag_becomes_a_package_with_an_attestation_that_anybody_can_check(
    tmp_path: Path, registry: Registry, url: str
) -> None:
    runner = Runner(tmp_path / "runner" / "checkout")
    package(runner)
    wrong = released(runner, url, "Build", TAG="v9.9.9")
    assert not wrong.succeeded
    wrong.tells("The tag v9.9.9 is not the version of this code")

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    refused = released(runner, url, "Build", "Attest", "Publish", ATTEST_KEY=pem, PACKAGE_TOKEN="another")
    assert not refused.succeeded
    refused.tells("the registry answers 401")
    assert not registry.files

    done = released(runner, url, "Build", "Attest", "Publish", "Publish", ATTEST_KEY=pem)
    assert done.succeeded, done.printed
    done.tells("was there before")
    wheel = f"agent_fleet-{__version__}-py3-none-any.whl"
    assert sorted(registry.files) == [f"{__version__}/SHA256SUMS", f"{__version__}/provenance.json", wheel]
    assert (registry.said["name"], registry.said["version"]) == ("agent-fleet", __version__)
    (tmp_path / wheel).write_bytes(registry.files[wheel])
    assert "bot/cli/__init__.py" in zipfile.ZipFile(tmp_path / wheel).namelist()

    digest = hashlib.sha256(registry.files[wheel]).hexdigest()
    assert registry.files[f"{__version__}/SHA256SUMS"].decode() == f"{digest}  {wheel}\n"
    envelope = json.loads(registry.files[f"{__version__}/provenance.json"])
    statement = base64.b64decode(envelope["payload"])
    assert json.loads(statement)["subject"] == [{"name": wheel, "digest": {"sha256": digest}}]
    kind = envelope["payloadType"].encode()
    [signature] = envelope["signatures"]
    signed = b"DSSEv1 %d %s %d " % (len(kind), kind, len(statement))
    key.public_key().verify(base64.b64decode(signature["sig"]), signed + statement)
    with pytest.raises(InvalidSignature):
        key.public_key().verify(base64.b64decode(signature["sig"]), signed + statement + b" ")
    done.hides(pem.splitlines()[1])
