"""Workspaces on a host: laid out from a bundle, spoilt by an agent, collected all the same."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.execution import host_check
from bot.execution.host_errors import HostBroken
from bot.execution.host_workspace import Hooks, HostWorkspace
from bot.execution.hosts import Host
from bot.execution.workspace import Collected
from tests.hosts.conftest import FLEET, JobOf, Prepare
from tests.hosts.machines import until
from tests.hosts.source import Source
from tests.unit.execution.repos import ENV
from tests.unit.execution.strangers import Strangers

TRAILERS = {"Agent-Fleet-Task": "42", "Agent-Fleet-Attempt": "3"}
Git = Callable[..., str]


@pytest.fixture
def space(host: Host, prepare: Prepare) -> HostWorkspace:
    return prepare(host)


@pytest.fixture
def tree(space: HostWorkspace) -> Path:
    return Path(space.tree)


@pytest.fixture
def git(tree: Path) -> Git:
    """Git as the agent would run it."""

    def run(*args: str) -> str:
        clean = {name: value for name, value in ENV.items() if not name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
        done = subprocess.run(["git", *args], cwd=tree, check=True, stdout=subprocess.PIPE, env=clean)
        return done.stdout.decode().strip()

    return run


def collected(
    space: HostWorkspace, tmp_path: Path, max_file_bytes: int = 10**6, max_bundle_bytes: int = 10**6
) -> Collected:
    found = space.collect(
        tmp_path / "result.bundle",
        "Fix it\n\nBecause.",
        FLEET,
        TRAILERS,
        max_file_bytes=max_file_bytes,
        max_bundle_bytes=max_bundle_bytes,
    )
    assert found is not None
    return found


def test_from_source_to_a_checked_result(host: Host, job: JobOf, source: Source, tmp_path: Path) -> None:
    script = "cat >>a.py; rm docs/x.md; echo no >debug.log; git add -A; git commit -qm 'Mine'; echo more >new.py"
    one = job(host, "work", script, prompt=b"two\n")
    host.start(one)
    until(lambda: host.status("work").exit_code == 0, "its end")
    space = HostWorkspace(host, "owner/repo#7", 3)
    found = collected(space, tmp_path)
    assert source.checked(found).paths == ("a.py", "docs/x.md", "new.py")
    assert source.files(found) == {".gitignore": "*.log", "a.py": "one\ntwo", "new.py": "more"}
    assert (found.commits, found.note) == (2, "")
    told = source.forge.git("log", "-1", "--format=%an%n%B", "refs/heads/seen")
    assert told.splitlines()[0] == "Agent Fleet"
    assert "Agent-Fleet-Task: 42" in told
    assert collected(space, tmp_path).commits == 2


def test_the_agent_finds_files_and_a_git_of_its_own(tree: Path, git: Git, space: HostWorkspace) -> None:
    assert (tree / "a.py").read_text() == "one\n"
    assert git("status", "--porcelain", "--branch") == "## fleet/7-x"
    assert git("log", "--format=%s") == "Base"
    assert (tree.parent.stat().st_mode & 0o777) == 0o700


def test_nothing_changed_is_nothing_to_commit(space: HostWorkspace, tree: Path, tmp_path: Path) -> None:
    (tree / "x.log").write_text("ignored")
    assert space.collect(tmp_path / "b", "m", FLEET, TRAILERS) is None
    assert not (tmp_path / "b").exists()


def test_only_what_is_missing_is_sent(host: Host, source: Source, prepare: Prepare, tmp_path: Path) -> None:
    prepare(host)
    newer = source.moves_on()
    space = HostWorkspace(host, "owner/repo#8", 1)
    space.supply(source.mirror, "1", newer)
    assert source.mirror.source_bundle(newer, have=source.base).exists()
    space.prepare("1", newer, FLEET)
    assert (Path(space.tree) / "b.py").read_text() == "two\n"
    space.supply(source.mirror, "1", newer)
    with pytest.raises(HostBroken) as missing:
        space.prepare("1", "1" * 40, FLEET)
    assert missing.value.kind == "no_source"


def test_a_warm_workspace_is_reset_but_keeps_what_is_ignored(
    host: Host, source: Source, prepare: Prepare, tree: Path
) -> None:
    (tree / "cache.log").write_text("warm")
    (tree / "a.py").write_text("spoilt")
    (tree / "junk").write_text("x")
    (tree / "docs").chmod(0)
    os.mkfifo(tree / "pipe")
    prepare(host, fence=4)
    assert (tree / "a.py").read_text() == "one\n"
    assert (tree / "cache.log").read_text() == "warm"
    assert sorted(path.name for path in tree.iterdir()) == [".git", ".gitignore", "a.py", "cache.log", "docs"]


def test_an_agent_that_goes_on_finds_its_work_as_it_left_it(
    host: Host, source: Source, space: HostWorkspace, tree: Path, git: Git, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    git("commit", "-q", "--allow-empty", "-m", "Mine")
    (tree / "a.py").write_text("half\n")
    (tree / "new.py").write_text("new\n")
    again = HostWorkspace(host, "owner/repo#7", 4, Hooks(before_run=f"echo again >>{hooks}"))
    assert again.prepare("1", source.base, FLEET, branch="fleet/7-x", keep=True)
    assert git("status", "--porcelain", "--branch").splitlines() == ["## fleet/7-x", " M a.py", "?? new.py"]
    assert hooks.read_text() == "again\n"
    with pytest.raises(HostBroken):
        collected(space, tmp_path)
    assert source.checked(collected(again, tmp_path)).paths == ("a.py", "new.py")
    newer = source.moves_on()
    again.supply(source.mirror, "1", newer)
    assert not again.prepare("1", newer, FLEET, keep=True), "another start is another work"
    assert not (tree / "new.py").exists()
    (tree / "a.py").write_text("half\n")
    assert not again.prepare("1", newer, FLEET), "nobody asked to keep it"
    assert (tree / "a.py").read_text() == "one\n"


def test_instruction_files_are_the_bases_and_nobody_sees_a_change(
    host: Host, source: Source, git: Git, tmp_path: Path, prepare: Prepare
) -> None:
    strangers = Strangers(source.forge)
    for name, sha in (("base", strangers.base), ("head", strangers.head)):
        source.forge.point(f"refs/heads/{name}", sha)
    source.mirror.fetch()
    space = prepare(host, fence=3)
    with pytest.raises(HostBroken) as missing:
        space.prepare("1", source.base, FLEET, restore_from=strangers.base)
    assert missing.value.kind == "no_source"
    for sha in (strangers.base, strangers.head):
        space.supply(source.mirror, "1", sha)
    tree = Path(space.tree)
    for _ in range(2):
        (tree / "CLAUDE.local.md").write_text("left behind")
        assert not space.prepare("1", strangers.head, FLEET, restore_from=strangers.base)
        assert strangers.seen(tree) == strangers.WANTED
        assert git("status", "--porcelain") == ""
        assert space.collect(tmp_path / "nothing", "m", FLEET, TRAILERS) is None
    (tree / "a.py").write_text("mine\n")
    git("commit", "-qam", "Mine")
    (tree / "new.py").write_text("new\n")
    assert source.checked(collected(space, tmp_path), strangers.head).paths == ("a.py", "new.py")
    assert space.prepare("1", strangers.head, FLEET, keep=True, restore_from=strangers.base)
    (tree / "sub" / "AGENTS.md").write_text("the agent's own\n")
    assert strangers.paths_of(collected(space, tmp_path)) == ["a.py", "new.py", "sub/AGENTS.md"]
    assert not space.prepare("1", strangers.head, FLEET, keep=True), "restored and as it is are two things"
    assert (tree / "claude.MD").read_text() == "evil\n"


def test_an_attempt_that_was_followed_is_locked_out(
    host: Host, prepare: Prepare, space: HostWorkspace, tmp_path: Path
) -> None:
    prepare(host, fence=10)
    for call in (lambda: prepare(host, fence=9), lambda: collected(space, tmp_path), space.remove):
        with pytest.raises(HostBroken) as stale:
            call()
        assert stale.value.kind == "stale_fence"


def test_a_living_run_keeps_its_place(host: Host, job: JobOf, prepare: Prepare, tmp_path: Path) -> None:
    host.start(job(host, "alive", "sleep 300"))
    space = HostWorkspace(host, "owner/repo#7", 3)
    for call in (lambda: prepare(host, fence=4), lambda: host.remove("alive")):
        with pytest.raises(HostBroken, match="still running") as busy:
            call()
        assert busy.value.kind == "busy"
    host.stop("alive", "cancel", 1)
    prepare(host, fence=4)
    with pytest.raises(HostBroken):
        collected(space, tmp_path)


def test_nothing_the_agent_set_up_is_run(
    space: HostWorkspace, tree: Path, git: Git, source: Source, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    evil = f"touch {canary}"
    for key in ("core.fsmonitor", "core.sshCommand", "filter.x.clean", "filter.x.smudge", "diff.external", "alias.add"):
        git("config", key, evil)
        subprocess.run(["git", f"--git-dir={space.path}/git", "config", key, evil], check=True, env=ENV)
    for hooks in (Path(space.path, "scratch", "hooks"), Path(space.path, "git", "hooks")):
        hooks.mkdir(exist_ok=True)
        for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction"):
            (hooks / name).write_text(f"#!/bin/sh\n{evil}\n")
            (hooks / name).chmod(0o755)
    (tree / ".gitattributes").write_text("* filter=x\n")
    (tree / "a.py").write_text("two\n")
    found = collected(space, tmp_path)
    assert source.files(found)["a.py"] == "two"
    assert not canary.exists()


def test_odd_histories_become_one_commit_of_the_files(
    space: HostWorkspace, tree: Path, git: Git, source: Source, tmp_path: Path
) -> None:
    git("checkout", "-q", "--orphan", "other")
    git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "Rewritten")
    (tree / "a.py").write_text("two\n")
    found = collected(space, tmp_path)
    assert "do not build on the commit" in found.note
    assert found.commits == 1
    assert source.checked(found).paths == ("a.py",)
    (Path(space.path) / "scratch" / "HEAD").unlink()
    (Path(space.path) / "scratch" / "HEAD").symlink_to("/etc/passwd")
    assert collected(space, tmp_path).note


def test_nested_repositories_pipes_and_links_are_taken_as_they_are(
    space: HostWorkspace, tree: Path, source: Source, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(tree / "inner")], check=True, env=ENV)
    (tree / "inner" / "x.py").write_text("x\n")
    (tree / "link").symlink_to("a.py")
    (tree / "a.py").unlink()
    os.mkfifo(tree / "a.py")
    found = collected(space, tmp_path)
    assert source.checked(found).paths == ("a.py", "inner/x.py", "link")


def test_a_file_that_is_too_large_is_named(space: HostWorkspace, tree: Path, tmp_path: Path) -> None:
    (tree / "big file.bin").write_bytes(b"x" * 2000)
    (tree / "big.log").write_bytes(b"x" * 2000)
    with pytest.raises(HostBroken, match=r"big file\.bin") as large:
        collected(space, tmp_path, max_file_bytes=1000)
    assert large.value.kind == "file_size"
    with pytest.raises(HostBroken, match="more than 10 bytes"):
        collected(space, tmp_path, max_bundle_bytes=10)


def test_hooks_run_in_the_tree_with_a_time_limit(host: Host, source: Source, tmp_path: Path) -> None:
    log = tmp_path / "hooks"
    note = f'echo "$FLEET_HOOK $(ls | head -1)" >>{log}'
    space = HostWorkspace(host, "hooked", 1, Hooks(note, note, note, note, timeout_secs=20))
    space.supply(source.mirror, "1", source.base)
    for _ in range(2):
        space.prepare("1", source.base, FLEET)
    space.collect(tmp_path / "b", "m", FLEET, {})
    space.remove()
    names = [line.split()[0] for line in log.read_text().splitlines()]
    assert names == ["after_create", "before_run", "before_run", "after_run", "before_remove"]
    assert log.read_text().splitlines()[0] == "after_create a.py"
    slow = HostWorkspace(host, "hooked", 2, Hooks(before_run="sleep 60 & sleep 60", timeout_secs=1))
    with pytest.raises(HostBroken, match="took too long"):
        slow.prepare("1", source.base, FLEET)
    broken = HostWorkspace(host, "hooked", 3, Hooks(before_run="echo no such tool; exit 3"))
    with pytest.raises(HostBroken, match="ended with 3: no such tool"):
        broken.prepare("1", source.base, FLEET)


def test_links_lead_nobody_out(host: Host, space: HostWorkspace, prepare: Prepare, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("x")
    tree = Path(space.tree)
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    tree.symlink_to(outside)
    with pytest.raises(HostBroken) as unsafe:
        prepare(host, fence=4)
    assert unsafe.value.kind == "unsafe"
    HostWorkspace(host, "owner/repo#7", 4).remove()
    assert (outside / "keep").exists()
    assert not Path(space.path).exists()
    for link in (Path(space.path), Path(f"{space.path}.fence")):
        link.unlink(missing_ok=True)
        link.symlink_to(outside)
        with pytest.raises(HostBroken):
            prepare(host, fence=5)
        link.unlink()
    assert [path.name for path in outside.iterdir()] == ["keep"]


def test_what_nobody_uses_is_cleared_by_age_and_by_space(host: Host, job: JobOf, prepare: Prepare) -> None:
    host.start(job(host, "alive", "sleep 300", task="busy"))
    host.start(job(host, "over", "true", task="old"))
    until(lambda: host.status("over").exit_code == 0, "its end")
    assert host_check.clear_up(host, max_age_secs=3600).workspaces == ()
    for path in Path(host.way.work_dir).rglob("*"):
        if not path.is_symlink():
            os.utime(path, (0, 0))
    cleared = host_check.clear_up(host, max_age_secs=3600)
    assert cleared.runs == ("over",)
    assert [name.split("-")[0] for name in cleared.workspaces] == ["old"]
    assert cleared.caches == ()
    host.stop("alive", "cancel", 1)
    cleared = host_check.clear_up(host, max_age_secs=10**9, min_free_kib=10**12)
    assert [name.split("-")[0] for name in cleared.workspaces] == ["busy"]
