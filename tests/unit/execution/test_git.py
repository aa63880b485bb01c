"""Git runs in a clean room: nothing leaks in, no secret leaks out, and it always ends."""

import os
from pathlib import Path

import pytest

from bot.core.errors import Refused, Unavailable
from bot.execution import git
from bot.execution.git import Access, GitFailed, GitTimedOut, Setting

TOKEN = "f0rgejo-t0ken-f0rgejo"


def fake_git(path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that is this shell script."""
    (path / "bin").mkdir()
    (path / "bin" / "git").write_text(f"#!/bin/sh\n{script}\n")
    (path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{path / 'bin'}:{os.environ['PATH']}")


def test_nothing_of_the_outside_reaches_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Outside\n")
    for name, value in {
        "HOME": str(tmp_path),
        "GIT_DIR": "/x",
        "GIT_SSH_COMMAND": "x",
        "CANARY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert git.run(["config", "--get", "user.name"], Setting(cwd=tmp_path, ok=(1,))).out == b""
    assert git.run(["config", "--get", "core.hooksPath"], Setting(cwd=tmp_path)).text == "/dev/null"
    fake_git(tmp_path, "env", monkeypatch)
    names = {line.partition("=")[0] for line in git.run([]).text.splitlines()}
    assert not names & {"CANARY", "GIT_SSH_COMMAND", "GIT_DIR"}


def test_hooks_of_a_repository_do_not_run(tmp_path: Path) -> None:
    git.run(["init", "-q", "--bare", str(tmp_path / "r")])
    hook = tmp_path / "r" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    hook.chmod(0o755)
    setting = Setting(git_dir=tmp_path / "r", stdin=b"x")
    blob = git.run(["hash-object", "-w", "--stdin"], setting).text
    git.run(["update-ref", "refs/x", blob], setting)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("url", ["ext::sh -c true", "ssh://127.0.0.1/x", "git://127.0.0.1/x", "file:///", "/"])
def test_only_http_is_a_transport_unless_files_are_allowed(url: str) -> None:
    with pytest.raises(GitFailed, match="not allowed"):
        git.run(["ls-remote", url], Setting(network=True))


def test_the_token_is_in_the_environment_only_and_only_for_its_forge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = Access("https://forge.example/", TOKEN)
    assert TOKEN not in repr(access)
    asked = ["config", "--get-urlmatch", "http.extraHeader"]
    there = git.run([*asked, "https://forge.example/o/r.git"], Setting(access=access, cwd=tmp_path))
    assert there.text == f"Authorization: token {TOKEN}"
    elsewhere = Setting(access=access, cwd=tmp_path, ok=(1,))
    assert git.run([*asked, "https://forge.example.evil/"], elsewhere).out == b""
    fake_git(tmp_path, 'tr "\\0" " " </proc/$$/cmdline', monkeypatch)
    assert TOKEN not in git.run(["fetch"], Setting(access=access)).text


def test_errors_never_tell_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filler = "x" * 1990
    fake_git(tmp_path, f"echo '{TOKEN}{filler} https://me:pass@h/' >&2; exit 7", monkeypatch)
    with pytest.raises(GitFailed) as caught:
        git.run(["-c", "a=b", "fetch"], Setting(access=Access("https://h/", TOKEN)))
    words = f"{caught.value} {caught.value!r} {caught.value.__dict__}"
    assert not [part for part in (TOKEN, TOKEN[-8:], "pass") if part in words]
    assert caught.value.code == 7


def test_it_always_ends_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The helper holds the pipe open; were it not killed too, reading would never end."""
    fake_git(tmp_path, "sleep 600 & echo $!; wait", monkeypatch)
    with pytest.raises(GitTimedOut, match=r"git gc did not end within 0\.2 s"):
        git.run(["gc"], Setting(timeout_secs=0.2))
    with pytest.raises(Unavailable) as caught:
        git.run(["push"], Setting(timeout_secs=0.2, network=True, ambiguous=True))
    assert caught.value.ambiguous


def test_a_reader_that_has_enough_stops_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path, "yes", monkeypatch)
    chunks = git.stream(["log"])
    assert next(chunks).startswith(b"y\n")
    chunks.close()


@pytest.mark.parametrize(
    ("says", "trouble"),
    [
        ("fatal: unable to access 'x': Could not resolve host: forge", True),
        ("fatal: unable to access 'x': Failed to connect to forge port 443", True),
        ("error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502", True),
        ("fatal: the remote end hung up unexpectedly", True),
        ("fatal: unable to access 'x': The requested URL returned error: 429", True),
        ("fatal: unable to access 'x': The requested URL returned error: 403", False),
        ("fatal: Authentication failed for 'x'", False),
        ("fatal: could not read Username for 'x': terminal prompts disabled", False),
        ("remote: Not found. fatal: repository 'x' not found", False),
    ],
)
def test_trouble_on_the_way_is_told_from_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, trouble: bool
) -> None:
    fake_git(tmp_path, f'echo "{says}" >&2; exit 128', monkeypatch)
    with pytest.raises(Unavailable if trouble else GitFailed):
        git.run(["fetch"], Setting(network=True))


@pytest.mark.parametrize("value", ["", "HEAD", "--all", "A" * 40, "1" * 39, "1" * 41, "1" * 40 + "\n"])
def test_only_object_ids_are_object_ids(value: str) -> None:
    with pytest.raises(Refused, match="not a full commit id"):
        git.sha(value)
