"""git over HTTP: who may read and push, and what a push causes."""

import subprocess
from pathlib import Path

import pytest

from bot.standin import Repository, Standin
from bot.standin.git import environment


def git(folder: Path, *args: str, token: str = "") -> "subprocess.CompletedProcess[str]":
    header = ["-c", f"http.extraHeader=Authorization: {token}"] if token else []
    who = ["-c", "user.name=x", "-c", "user.email=x@example.test"]
    command = ["git", *header, *who, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment())


@pytest.fixture
def clone(repo: Repository, tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    assert git(folder, "clone", repo.clone_url, ".").returncode == 0
    git(folder, "checkout", "-b", "work")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    return folder


def test_a_writer_pushes_and_pull_requests_follow(forge: Standin, repo: Repository, clone: Path) -> None:
    token = f"token {forge.person('bob').token}"
    assert git(clone, "push", "origin", "work", token=token).returncode == 0
    pull = repo.open_pull(forge.person("bob"), "work", title="Work")
    (clone / "a.txt").write_bytes(bytes(range(256)) * 8000)
    git(clone, "commit", "-am", "two")
    assert git(clone, "push", "origin", "work", token=token).returncode == 0
    assert pull.head_sha == repo.branches()["work"]
    assert [entry.kind for entry in pull.entries] == ["pull_push"]


@pytest.mark.parametrize("scheme", ["token {}", "Bearer {}"])
def test_a_private_repository_asks_who_is_there(forge: Standin, tmp_path: Path, scheme: str) -> None:
    secret = forge.repository("ann/secret", private=True)
    assert "could not read Username" in git(tmp_path, "ls-remote", secret.clone_url).stderr
    given = scheme.format(forge.person("ann").token)
    assert git(tmp_path, "ls-remote", secret.clone_url, token=given).returncode == 0


def test_readers_and_reading_tokens_get_403(forge: Standin, repo: Repository, clone: Path) -> None:
    for token in (forge.person("carl").token, forge.person("bob").new_token("read:repository").secret):
        assert "403" in git(clone, "push", "origin", "work", token=f"token {token}").stderr
    assert list(repo.branches()) == ["main"]


def test_a_protected_branch_refuses(forge: Standin, repo: Repository, clone: Path) -> None:
    repo.protect("locked/*")
    token = f"token {forge.person('bob').token}"
    done = git(clone, "push", "origin", "work:locked/x", token=token)
    assert "pre-receive hook declined" in done.stderr
    assert "Not allowed to push to protected branch locked/x" in done.stderr


def test_the_old_name_of_a_renamed_repository_works(repo: Repository, tmp_path: Path) -> None:
    old = repo.clone_url
    repo.rename("other")
    assert git(tmp_path, "ls-remote", old).returncode == 0
