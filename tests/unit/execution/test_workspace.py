"""The agent's directory: laid out from a bundle, spoilt by the agent, collected all the same."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from bot.core.errors import Refused
from bot.execution.bundle import BundleRules, CheckedBundle, Quarantine
from bot.execution.workspace import Collected, Identity, Workspace
from tests.unit.execution.repos import ENV, Repo
from tests.unit.execution.strangers import Strangers

FLEET = Identity("Agent Fleet", "fleet@example.org")
TRAILERS = {"Agent-Fleet-Task": "42", "Agent-Fleet-Attempt": "3"}


class Site:
    """A forge's repository and the workspace of one task of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / "work"
        self.forge = Repo(path / "forge.git")
        self.base = self.forge.commit({"a.py": b"one\n", "docs/x.md": b"x\n", ".gitignore": b"*.log\n"}, None, "Base")
        self.space = Workspace(self.root, "owner/repo#7", fence=3)
        self.prepare()

    def prepare(self, start: str = "", *, keep: bool = False, restore_from: str = "") -> bool:
        start = start or self.base
        source = self.forge.bundle(self.path / "source.bundle", start, ref="refs/fleet/source/x")
        ignore = [".agent-droppings"]
        return self.space.prepare(
            source, start, FLEET, branch="fleet/7-x", ignore=ignore, keep=keep, restore_from=restore_from
        )

    @property
    def tree(self) -> Path:
        return self.space.tree

    def git(self, *args: str) -> str:
        """Git as the agent would run it."""
        clean = {name: value for name, value in ENV.items() if not name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
        done = subprocess.run(["git", *args], cwd=self.tree, check=True, stdout=subprocess.PIPE, env=clean)
        return done.stdout.decode().strip()

    def prepare_from(self, strangers: Strangers, *, keep: bool = False) -> bool:
        self.base = strangers.head
        self.forge.point("refs/fleet/source/base", strangers.base)
        path = self.path / "both.bundle"
        self.forge.point("refs/fleet/source/x", strangers.head)
        self.forge.git("bundle", "create", "-q", str(path), "refs/fleet/source/x", "refs/fleet/source/base")
        return self.space.prepare(path, strangers.head, FLEET, keep=keep, restore_from=strangers.base)

    def collect(self, **limits: int) -> Collected | None:
        return self.space.collect("Fix it\n\nBecause.", FLEET, TRAILERS, **limits)

    def result(self) -> tuple[Collected, CheckedBundle]:
        """What was collected, and what the orchestrator's own check says of it."""
        collected = self.collect()
        assert collected is not None
        with Quarantine(self.forge.path, self.path) as quarantine:
            checked = quarantine.check(collected.bundle, self.base, BundleRules())
        assert checked.head_sha == collected.head_sha
        return collected, checked

    def show(self, collected: Collected, what: str) -> str:
        self.forge.git("fetch", "-q", str(collected.bundle), "+refs/heads/result:refs/heads/seen")
        return self.forge.git("log", "-1", f"--format={what}", "refs/heads/seen")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_agent_finds_files_and_a_git_of_its_own(site: Site) -> None:
    assert (site.tree / "a.py").read_text() == "one\n"
    assert site.git("status", "--porcelain", "--branch") == "## fleet/7-x"
    assert site.git("log", "--format=%s") == "Base"
    assert stat.S_IMODE(site.space.path.stat().st_mode) == 0o700
    assert site.space.start_sha() == site.base


def test_uncommitted_work_becomes_one_commit_with_trailers(site: Site) -> None:
    (site.tree / "a.py").write_text("two\n")
    (site.tree / "docs" / "x.md").unlink()
    (site.tree / "new.sh").write_text("#!/bin/sh\n")
    (site.tree / "new.sh").chmod(0o755)
    (site.tree / "debug.log").write_text("ignored")
    (site.tree / ".agent-droppings").write_text("ignored")
    collected, checked = site.result()
    assert checked.paths == ("a.py", "docs/x.md", "new.sh")
    assert (collected.commits, collected.note) == (1, "")
    assert site.show(collected, "%an <%ae>|%B") == (
        "Agent Fleet <fleet@example.org>|Fix it\n\nBecause.\n\nAgent-Fleet-Task: 42\nAgent-Fleet-Attempt: 3"
    )


def test_no_change_is_nothing_to_commit(site: Site) -> None:
    assert site.collect() is None
    (site.tree / "a.py").write_text("two\n")
    (site.tree / "a.py").write_text("one\n")
    (site.tree / "x.log").write_text("ignored")
    assert site.collect() is None


def test_the_agents_own_commits_are_kept_and_the_last_one_is_sealed(site: Site) -> None:
    (site.tree / "a.py").write_text("two\n")
    site.git("commit", "-qam", "Mine")
    (site.tree / "forced.log").write_text("on purpose")
    site.git("add", "-f", "forced.log")
    site.git("commit", "-qm", "Also mine\n\nFixes: x")
    collected, checked = site.result()
    assert len(checked.commits) == collected.commits == 2
    assert checked.paths == ("a.py", "forced.log")
    expected = "Also mine\n\nFixes: x\nAgent-Fleet-Task: 42\nAgent-Fleet-Attempt: 3"
    assert site.show(collected, "%B") == expected
    (site.tree / "more.py").write_text("more")
    collected, checked = site.result()
    assert len(checked.commits) == 3
    assert site.show(collected, "%s") == "Fix it"


def test_a_history_that_does_not_fit_is_left_and_the_files_are_kept(site: Site) -> None:
    (site.tree / "a.py").write_text("two\n")
    site.git("checkout", "-q", "--orphan", "other")
    site.git("commit", "-qam", "Rootless")
    collected, checked = site.result()
    assert (collected.commits, checked.paths) == (1, ("a.py",))
    assert "do not build on the commit it started from" in collected.note


def test_a_merge_is_left_and_the_files_are_kept(site: Site) -> None:
    (site.tree / "a.py").write_text("two\n")
    site.git("commit", "-qam", "One side")
    site.git("checkout", "-q", "-b", "side", "HEAD~")
    (site.tree / "b.py").write_text("b\n")
    site.git("add", "b.py")
    site.git("commit", "-qm", "Other side")
    site.git("merge", "-q", "-m", "Merge", "fleet/7-x")
    collected, checked = site.result()
    assert (collected.commits, checked.paths) == (1, ("a.py", "b.py"))
    assert "there is a merge among them" in collected.note


def test_whatever_the_agent_does_to_its_git_the_files_are_kept(site: Site) -> None:
    """Nothing it writes there is run or obeyed by us: every trap would make the canary."""
    canary = site.path / "canary"
    trap = site.path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    trap.chmod(0o755)
    scratch = site.space.path / "scratch"
    hooks = scratch / "hooks"
    hooks.mkdir()
    for hook in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).symlink_to(trap)
    (scratch / "config").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {trap}\n\tworktree = /\n"
        f'[filter "x"]\n\tclean = {trap}\n\tprocess = {trap}\n[uploadpack]\n\tpackObjectsHook = {trap}\n'
    )
    (site.tree / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (site.tree / "a.py").write_text("two\n")
    _, checked = site.result()
    assert checked.paths == (".gitattributes", "a.py")
    site.prepare()
    assert not canary.exists()


@pytest.mark.parametrize("head", ["../../etc/passwd", "ref: refs/heads/../../x", "0" * 40, "", "ref: refs/heads/none"])
def test_a_head_that_names_no_commit(site: Site, head: str) -> None:
    (site.space.path / "scratch" / "HEAD").write_text(head)
    (site.tree / "a.py").write_text("two\n")
    collected, checked = site.result()
    assert checked.paths == ("a.py",)
    assert "were not taken over" in collected.note


def test_objects_borrowed_from_elsewhere_are_not_taken(site: Site) -> None:
    other = Repo(site.path / "other.git")
    other.git("fetch", "-q", str(site.forge.path), site.base)
    stolen = other.commit({"private.txt": b"private"}, site.base)
    scratch = site.space.path / "scratch"
    (scratch / "objects" / "info" / "alternates").write_text(f"{other.path}/objects\n")
    (scratch / "HEAD").write_text(stolen)
    assert site.collect() is None


def test_odd_files_do_no_harm(site: Site) -> None:
    (site.tree / "li\nne ünï 'q'").write_text("odd name")
    os.mkfifo(site.tree / "pipe")
    (site.tree / "etc").symlink_to("/etc")
    (site.tree / "locked").mkdir()
    (site.tree / "locked" / "x").write_text("x")
    (site.tree / "locked" / "x").chmod(0)
    (site.tree / "locked").chmod(0)
    collected = site.collect()
    assert collected is not None
    site.forge.git("fetch", "-q", str(collected.bundle), "+refs/heads/result:refs/heads/seen")
    names = site.forge.git("ls-tree", "-r", "-z", "--name-only", "refs/heads/seen").split("\0")
    assert set(names) - {""} == {".gitignore", "a.py", "docs/x.md", "etc", "li\nne ünï 'q'", "locked/x"}
    site.prepare()
    assert sorted(path.name for path in site.tree.iterdir()) == [".git", ".gitignore", "a.py", "docs"]


def test_repositories_within_become_ordinary_files(site: Site) -> None:
    for place in ("vendor", "vendor/inner"):
        nested = site.tree / place
        nested.mkdir()
        site.git("init", "-q", str(nested))
        (nested / "f.txt").write_text("f")
        site.git("-C", str(nested), "add", "f.txt")
        site.git("-C", str(nested), "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")
    _, checked = site.result()
    assert checked.paths == ("vendor/f.txt", "vendor/inner/f.txt")


def test_a_huge_file_is_refused_before_it_is_stored(site: Site) -> None:
    with (site.tree / "core.dump").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Refused, match=r"“core\.dump” is 1048576\.0 MiB; at most") as caught:
        site.collect()
    assert caught.value.kind == "file_size"


def test_a_directory_swapped_for_a_link_is_refused(site: Site) -> None:
    outside = site.path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("keep")
    site.tree.rename(site.path / "moved")
    site.tree.symlink_to(outside)
    for step in (site.collect, site.prepare):
        with pytest.raises(Refused, match="“tree” is not a directory"):
            step()
    site.space.remove()
    assert (outside / "keep.txt").read_text() == "keep"


def test_removing_leaves_nothing_but_the_fence_and_follows_no_link(site: Site) -> None:
    outside = site.path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("keep")
    (site.tree / "link").symlink_to(outside)
    (site.tree / "docs").chmod(0o500)
    site.space.remove()
    site.space.remove()
    assert (outside / "keep.txt").exists()
    assert stat.S_IMODE(outside.stat().st_mode) & 0o200
    assert [path.suffix for path in site.root.iterdir()] == [".fence"]


def test_a_newer_attempt_takes_over_and_an_older_one_is_refused(site: Site) -> None:
    newer = Workspace(site.root, "owner/repo#7", fence=4)
    for step in (site.collect, site.prepare, site.space.remove):
        with pytest.raises(Refused, match="belongs to attempt 4 now; attempt 3 may not"):
            step()
    newer.remove()
    with pytest.raises(Refused) as caught:
        Workspace(site.root, "owner/repo#7", fence=3)
    assert caught.value.kind == "stale_fence"
    assert Workspace(site.root, "owner/repo#7", fence=4).path == newer.path


def test_the_next_attempt_finds_a_clean_tree_and_warm_caches(site: Site) -> None:
    (site.tree / "a.py").write_text("broken\n")
    (site.tree / "junk.py").write_text("junk")
    (site.tree / "cache.log").write_text("warm")
    first = site.base
    site.base = site.forge.commit({"a.py": b"newer\n"}, site.base)
    site.space = Workspace(site.root, "owner/repo#7", fence=4)
    thin = site.forge.bundle(site.path / "thin.bundle", site.base, [first])
    site.space.prepare(thin, site.base, FLEET)
    assert (site.tree / "a.py").read_text() == "newer\n"
    assert not (site.tree / "junk.py").exists()
    assert (site.tree / "cache.log").exists()
    assert site.collect() is None


def test_an_agent_that_goes_on_finds_its_work_as_it_left_it(site: Site) -> None:
    site.git("checkout", "-q", "-b", "mine")
    (site.tree / "a.py").write_text("two\n")
    site.git("commit", "-qam", "Mine")
    (site.tree / "half.py").write_text("half\n")
    site.space = Workspace(site.root, "owner/repo#7", fence=4)
    assert site.prepare(keep=True)
    assert site.git("status", "--porcelain", "--branch").splitlines() == ["## mine", "?? half.py"]
    assert site.result()[1].paths == ("a.py", "half.py")
    other = site.forge.commit({"b.py": b"b\n"}, site.base, "More")
    assert not site.prepare(other, keep=True), "another start is another work"
    assert not (site.tree / "half.py").exists()
    assert site.prepare(other, keep=True)
    assert not site.prepare(other), "nobody asked to keep it"


def test_instruction_files_are_the_bases_and_nobody_sees_a_change(site: Site) -> None:
    strangers = Strangers(site.forge)
    site.prepare_from(strangers)
    assert strangers.seen(site.tree) == strangers.WANTED
    assert site.git("status", "--porcelain") == ""
    assert site.collect() is None
    site.git("add", "--all")
    site.git("reset", "-q", "--hard")
    assert strangers.seen(site.tree) == strangers.WANTED
    (site.tree / "a.py").write_text("mine\n")
    site.git("commit", "-qam", "Mine")
    (site.tree / "new.py").write_text("new\n")
    assert site.result()[1].paths == ("a.py", "new.py")
    assert site.prepare_from(strangers, keep=True)
    (site.tree / "sub" / "AGENTS.md").write_text("the agent's own\n")
    collected = site.collect()
    assert collected is not None
    assert strangers.paths_of(collected) == ["a.py", "new.py", "sub/AGENTS.md"]


def test_ignored_instruction_files_of_an_earlier_agent_are_gone(site: Site) -> None:
    strangers = Strangers(site.forge)
    site.prepare_from(strangers)
    (site.tree / "deps").mkdir()
    (site.tree / "deps" / "cache.log").write_text("warm")
    (site.tree / "CLAUDE.local.md").write_text("left behind")
    site.prepare_from(strangers)
    assert strangers.seen(site.tree) == strangers.WANTED
    assert (site.tree / "deps" / "cache.log").exists()


@pytest.mark.parametrize("key", ["../../etc", "a/b", "", ".", "-rf", "x" * 500, "\0", "ünï", "\ud800"])
def test_keys_stay_within_the_root(tmp_path: Path, key: str) -> None:
    space = Workspace(tmp_path / "work", key, fence=1)
    assert space.path.parent == (tmp_path / "work").resolve()
    assert space.path != Workspace(tmp_path / "work", key + "2", fence=1).path


def test_a_root_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "real")
    with pytest.raises(Refused, match="cannot be trusted: “work” is not a directory"):
        Workspace(tmp_path / "work", "k", fence=1)
