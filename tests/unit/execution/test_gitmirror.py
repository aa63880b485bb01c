"""The mirror: source goes out, checked results come in, branches are pushed forward and never over
anybody.
"""

import fcntl
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Refused, Unavailable
from bot.execution import git, gitmirror, notes
from bot.execution.bundle import BundleRules, RejectedBundle
from bot.execution.gitmirror import GitMirror, Pushed
from bot.execution.secretscan import SecretScan
from tests.unit.execution.repos import Repo


class Place:
    """A forge's repository, a mirror of it, and somebody who works with bundles alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.forge = Repo(path / "forge.git")
        self.base = self.forge.commit({"a.py": b"one\n"}, None, "Base")
        self.forge.point("refs/heads/main", self.base)
        self.mirror = self.another_mirror()
        self.mirror.fetch()
        self.agent = Repo(path / "agent.git")
        self.agent.git("fetch", "-q", str(self.forge.path), "main")

    def another_mirror(self, url: str | None = None) -> GitMirror:
        return GitMirror(self.path / "mirrors", 42, url or str(self.forge.path), local=True)

    def imports(self, files: dict[str, bytes | None], parent: str | None = None, name: str = "7/1") -> str:
        start = parent or self.base
        bundle = self.agent.bundle(self.path / "result.bundle", self.agent.commit(files, start), [start])
        return self.mirror.import_result(bundle, name, start, BundleRules()).head_sha


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_fetch_follows_the_forge_also_when_branches_go(place: Place) -> None:
    assert place.mirror.branch_tip("main") == place.base
    tip = place.forge.commit({"a.py": b"two\n"}, place.base)
    place.forge.point("refs/heads/main", tip)
    place.forge.point("refs/heads/side", tip)
    place.mirror.fetch()
    assert (place.mirror.branch_tip("main"), place.mirror.branch_tip("side")) == (tip, tip)
    place.forge.git("update-ref", "-d", "refs/heads/side")
    place.forge.point("refs/heads/main", place.base)
    place.mirror.fetch()
    assert (place.mirror.branch_tip("main"), place.mirror.branch_tip("side")) == (place.base, None)


def test_many_may_fetch_at_once(place: Place) -> None:
    place.forge.point("refs/heads/main", place.forge.commit({"a.py": b"two\n"}, place.base))
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            place.another_mirror().fetch()
        except BaseException as failure:  # noqa: BLE001 - handed to the test's thread
            failures.append(failure)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_source_goes_out_whole_or_thin(place: Place) -> None:
    tip = place.forge.commit({"b.bin": os.urandom(200_000)}, place.base)
    last = place.forge.commit({"a.py": b"two\n"}, tip)
    place.forge.point("refs/heads/main", last)
    place.mirror.fetch()
    whole, thin = place.mirror.source_bundle(last), place.mirror.source_bundle(last, have=tip)
    assert thin.stat().st_size < 2000 < 200_000 < whole.stat().st_size
    assert place.mirror.source_bundle(last) == whole
    assert place.mirror.source_bundle(last, have="1" * 40) == whole
    again = place.mirror.source_bundle(tip, have=last)
    newcomer = Repo(place.path / "newcomer.git")
    for bundle in (whole, thin, again):
        newcomer.git("fetch", "-q", str(bundle), "+refs/*:refs/*")
    assert newcomer.git("rev-parse", f"refs/fleet/source/{last}") == last


def test_a_result_comes_in_only_when_it_passed(place: Place) -> None:
    sha = place.imports({"b.py": b"new\n"})
    assert place.mirror.has(sha)
    assert place.mirror.is_ancestor(place.base, sha)
    summary = place.mirror.diff_summary(place.base, sha)
    assert (summary.files_changed, summary.insertions, summary.deletions, summary.paths) == (
        1,
        1,
        0,
        ("b.py",),
    )
    bad = place.agent.commit({".forgejo/x": b"x"}, place.base)
    bundle = place.agent.bundle(place.path / "bad.bundle", bad, [place.base])
    with pytest.raises(RejectedBundle, match="r6"):
        place.mirror.import_result(bundle, "8/1", place.base, BundleRules())
    assert not place.mirror.has(bad)


def test_push_makes_moves_and_repeats(place: Place) -> None:
    first = place.imports({"b.py": b"1\n"})
    second = place.imports({"b.py": b"2\n"}, first, "7/2")
    push = place.mirror.push
    assert push("fleet/7-x", first, None).kind is Pushed.DONE
    assert push("fleet/7-x", first, None).kind is Pushed.ALREADY_THERE
    assert push("fleet/7-x", second, first).kind is Pushed.DONE
    repeated = push("fleet/7-x", second, first)
    assert (repeated.kind, repeated.remote_sha, repeated.ok) == (Pushed.ALREADY_THERE, second, True)
    assert place.mirror.remote_tip("fleet/7-x") == second
    assert place.mirror.remote_tip("7-x") is None


def test_push_never_goes_over_commits_of_others(place: Place) -> None:
    mine = place.imports({"b.py": b"1\n"})
    theirs = place.forge.commit({"c.py": b"theirs\n"}, place.base)
    for branch, expected in (("taken", None), ("moved", place.base)):
        place.forge.point(f"refs/heads/{branch}", theirs)
        outcome = place.mirror.push(branch, mine, expected)
        assert (outcome.kind, outcome.ok, outcome.remote_sha) == (Pushed.MOVED, False, theirs)
        assert f"is at {theirs[:10]} on the forge" in outcome.reason
        assert place.forge.git("rev-parse", f"refs/heads/{branch}") == theirs


def test_push_goes_forward_only(place: Place) -> None:
    mine = place.imports({"b.py": b"1\n"})
    other = place.imports({"c.py": b"1\n"}, name="7/2")
    place.mirror.push("work", mine, None)
    for sha, expected in ((other, mine), (other, "1" * 40), (place.base, mine)):
        outcome = place.mirror.push("work", sha, expected)
        assert outcome.kind is Pushed.NOT_FAST_FORWARD
        assert "never overwritten" in outcome.reason
    assert place.mirror.remote_tip("work") == mine


def test_a_branch_the_forge_protects(place: Place) -> None:
    hook = place.forge.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    outcome = place.mirror.push("work", place.imports({"b.py": b"1\n"}), None)
    assert (outcome.kind, outcome.remote_sha) == (Pushed.REFUSED, "")
    assert "pre-receive hook declined" in outcome.reason


@pytest.mark.parametrize("code", [1, 128])
@pytest.mark.parametrize("lands", [True, False])
def test_a_push_whose_answer_is_lost_is_read_back(
    place: Place, monkeypatch: pytest.MonkeyPatch, lands: bool, code: int
) -> None:
    """A git in front of git does the push (or not) and then says what git says when the line is cut."""
    sha = place.imports({"b.py": b"1\n"})
    real = subprocess.run(["which", "git"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    does = f'{real} "$@" >/dev/null 2>&1' if lands else "true"
    says = "echo 'error: RPC failed; curl 56 Recv failure' >&2"
    cut = f'if [ "$1" = push ]; then {does}; {says}; exit {code}; fi'
    fake = place.path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n{cut}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    if lands:
        assert place.mirror.push("work", sha, None).kind is Pushed.ALREADY_THERE
    else:
        with pytest.raises(Unavailable, match="answer to the push of “work” was lost") as caught:
            place.mirror.push("work", sha, None)
        assert caught.value.ambiguous


def test_deleting_a_branch_that_is_where_we_left_it(place: Place) -> None:
    sha = place.imports({"b.py": b"1\n"})
    place.mirror.push("work", sha, None)
    assert place.mirror.delete_branch("work", place.base).kind is Pushed.MOVED
    assert place.mirror.delete_branch("work", sha).kind is Pushed.DONE
    assert place.mirror.delete_branch("work", sha).ok
    assert place.mirror.remote_tip("work") is None


def test_a_forge_that_is_not_there(place: Place) -> None:
    gone = place.another_mirror(str(place.path / "nowhere.git"))
    with pytest.raises(git.GitFailed, match="does not appear to be a git repository"):
        gone.fetch()
    deaf = place.another_mirror("http://127.0.0.1:1/x.git")
    with pytest.raises(Unavailable, match="could not reach the forge"):
        deaf.fetch()
    with pytest.raises(Unavailable) as caught:
        deaf.push("work", place.imports({"b.py": b"1\n"}), None)
    assert caught.value.ambiguous


@pytest.mark.parametrize("url", ["/etc", "ext::sh -c x", "--upload-pack=x", "ssh://x/y", "file:///x"])
def test_only_web_addresses_are_mirrored(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="not an http or https address"):
        GitMirror(tmp_path, 1, url)


@pytest.mark.parametrize("name", ["", "../x", "a..b", "a b", "x\0", "x~1", "x:y"])
def test_names_git_does_not_take(place: Place, name: str) -> None:
    with pytest.raises(Refused):
        place.mirror.push(name, place.base, None)


def test_garbage_goes_and_what_is_needed_stays(place: Place) -> None:
    kept, dropped = place.imports({"b.py": b"1\n"}), place.imports({"b.py": b"2\n"}, name="8/1")
    bundle = place.mirror.source_bundle(place.base)
    used = bundle.stat().st_mtime
    abandoned = place.path / "mirrors" / "42.work" / "quarantine-x"
    abandoned.mkdir()
    place.mirror.collect_garbage({"7/1"}, now=used + 60)
    refs = Repo.git(place.forge, "--git-dir", str(place.mirror.git_dir), "for-each-ref", "--format=%(objectname)")
    assert kept in refs
    assert dropped not in refs
    assert bundle.exists()
    place.mirror.collect_garbage({"7/1"}, now=used + 3 * 86_400)
    assert not bundle.exists()
    assert not abandoned.exists()
    assert place.mirror.has(kept)


def test_a_mirror_that_was_never_fetched_has_no_garbage(tmp_path: Path) -> None:
    GitMirror(tmp_path, 1, "http://127.0.0.1:1/x.git").collect_garbage((), now=0)


def test_nobody_waits_for_a_mirror_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitmirror, "_LOCK_SECS", 0.1)
    with (place.path / "mirrors" / "42.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="in use") as caught:
            place.mirror.fetch()
    assert caught.value.retry_after
    place.mirror.fetch()


def test_who_waited_while_another_fetched_does_not_ask_the_forge_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.forge.point("refs/heads/main", place.forge.commit({"a.py": b"two\n"}, place.base))
    run, asked = git.run, []
    all_wait = threading.Event()

    def counted(args: list[str], *rest: git.Setting) -> git.Answer:
        if args[0] == "fetch":
            asked.append(args)
            all_wait.wait(10)
        return run(args, *rest)

    monkeypatch.setattr(git, "run", counted)
    threads = [threading.Thread(target=place.another_mirror().fetch) for _ in range(5)]
    for thread in threads:
        thread.start()
    threads[0].join(0.5)  # by now all have called
    all_wait.set()
    for thread in threads:
        thread.join()
    # The first had begun before the others came, so what it saw may be too old for them; the second is enough.
    assert len(asked) == 2
    place.mirror.fetch()
    assert len(asked) == 3


def notes_of(place: Place, sha: str) -> list[str]:
    return place.forge.git("notes", "--ref=refs/notes/agent-fleet", "show", sha).splitlines()


def test_a_note_is_there_once_however_often_it_is_put(place: Place) -> None:
    for line in ("one", "one", "two", "one"):
        place.mirror.put_note(place.base, line)
    assert notes_of(place, place.base) == ["one", "two"]
    other = place.forge.commit({"a.py": b"two\n"}, place.base)
    place.another_mirror().put_note(other, "three")
    assert (notes_of(place, place.base), notes_of(place, other)) == (["one", "two"], ["three"])


def test_a_note_of_others_is_kept_also_when_it_comes_in_between(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    other = place.forge.commit({"a.py": b"two\n"}, place.base)
    elsewhere = GitMirror(place.path / "elsewhere", 42, str(place.forge.path), local=True)
    elsewhere.fetch()
    write = notes._write
    between = ["theirs"]

    def slow(*args: Any) -> None:
        write(*args)
        if between:
            elsewhere.put_note(other, between.pop())

    monkeypatch.setattr(notes, "_write", slow)
    place.mirror.put_note(place.base, "ours")
    assert (notes_of(place, place.base), notes_of(place, other)) == (["ours"], ["theirs"])


def test_a_note_that_the_forge_refuses_or_does_not_answer_for_is_said(place: Place) -> None:
    hook = place.forge.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Refused, match="pre-receive hook declined"):
        place.mirror.put_note(place.base, "one")
    gone = place.another_mirror(str(place.path / "gone.git"))
    with pytest.raises(git.GitFailed):
        gone.put_note(place.base, "one")


def test_what_lies_between_two_commits_is_listed_and_searched(place: Place) -> None:
    head = place.imports({"a.py": b"the s3cret-of-the-config\n"})
    assert place.mirror.commits(place.base, head) == (head,)
    assert place.mirror.merge_base(place.base, head) == place.base
    assert place.mirror.merge_base("f" * 40, head) == ""
    assert place.mirror.holds_secret(place.base, head, SecretScan(["s3cret-of-the-config"]))
    assert not place.mirror.holds_secret(place.base, head, SecretScan(["another-s3cret"]))


def test_a_path_that_one_commit_changes_and_the_next_one_changes_back_was_touched(place: Place) -> None:
    base = place.base
    there = place.forge.commit({"db/schema.sql": b"DROP\n", "a.txt": b"a\n"}, base)
    head = place.forge.commit({"db/schema.sql": None}, there)
    place.forge.point("refs/heads/work", head)
    place.mirror.fetch()
    assert place.mirror.touched(base, head) == ["a.txt", "db/schema.sql"]
    assert place.mirror.touched(head, head) == []
    assert place.mirror.patch(base, there, ["db/schema.sql"]).endswith("+DROP\n")
    assert "a.txt" not in place.mirror.patch(base, there, ["db/schema.sql"])
    assert place.mirror.patch(base, there, ["db/schema.sql"], limit=9) == "diff --gi"
