"""What an agent hands back is checked before anything of it is visible: every rule, by a bundle that breaks
it.
"""

import base64
import hashlib
import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.execution.bundle import (
    BundleLimits,
    BundleRules,
    CheckedBundle,
    NothingToCommit,
    Quarantine,
    RejectedBundle,
    Rule,
)
from bot.execution.diffs import PATCH
from tests.unit.execution.repos import ENV, Repo, handmade, pack_of

SECRET = "s3cr3t/with+odd=chars?Tm9wZQ"
LIMITS = BundleLimits(
    bundle_bytes=2_000_000, unpacked_bytes=4_000_000, file_bytes=300_000, objects=20_000, commits=5, files=50
)
RULES = BundleRules(limits=LIMITS, secrets=(SECRET,))


class Desk:
    """A mirror with a base commit, an agent's clone that knows it, and a place for bundles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mirror = Repo(path / "mirror.git")
        self.base = self.mirror.commit(
            {"a.py": b"one\ntwo\n", "docs/x.md": b"x\n", ".forgejo/workflows/ci.yml": b"on: push\n" * 40},
            None,
            "Base",
        )
        self.newer = self.mirror.commit({"later.py": b"later\n"}, self.base, "Later on main")
        self.mirror.point("refs/heads/main", self.newer)
        self.agent = Repo(path / "agent.git")
        self.agent.git("fetch", "-q", str(self.mirror.path), f"{self.newer}:refs/heads/main")
        self.file = path / "result.bundle"

    def hands_back(self, head: str) -> Path:
        return self.agent.bundle(self.file, head, [self.base])

    def check(self, bundle: Path, rules: BundleRules = RULES) -> CheckedBundle:
        with Quarantine(self.mirror.path, self.path) as quarantine:
            return quarantine.check(bundle, self.base, rules)

    def rejects(self, bundle: Path, rule: Rule, says: str, rules: BundleRules = RULES) -> None:
        before = self.mirror.git("count-objects", "-v")
        with pytest.raises(RejectedBundle) as caught:
            self.check(bundle, rules)
        assert caught.value.rule == rule, caught.value.observation
        assert says in caught.value.observation
        assert SECRET not in caught.value.observation
        assert self.mirror.git("count-objects", "-v") == before
        assert not list(self.path.glob("quarantine-*"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_honest_result_is_described_exactly(desk: Desk) -> None:
    first = desk.agent.commit({"a.py": b"one\n2\n", "new/b.bin": b"\0\1"}, desk.base, "First")
    head = desk.agent.commit({"docs/x.md": None, "docs/y.md": b"x\n"}, first, "Second")
    checked = desk.check(desk.hands_back(head))
    patch = subprocess.run(
        ["git", "--git-dir", str(desk.agent.path), *PATCH, desk.base, head],
        check=True,
        stdout=subprocess.PIPE,
        env=ENV,
    ).stdout
    assert checked == CheckedBundle(
        head_sha=head,
        base_sha=desk.base,
        commits=(first, head),
        files_changed=4,
        insertions=2,
        deletions=2,
        patch_sha256=hashlib.sha256(patch).hexdigest(),
        paths=("a.py", "docs/x.md", "docs/y.md", "new/b.bin"),
    )


def test_a_full_bundle_without_prerequisites_and_with_head_is_fine_too(desk: Desk) -> None:
    head = desk.agent.commit({"a.py": b"new\n"}, desk.base)
    desk.agent.point("refs/heads/work", head)
    desk.agent.git("symbolic-ref", "HEAD", "refs/heads/work")
    desk.agent.git("bundle", "create", "-q", str(desk.file), "HEAD", "refs/heads/work")
    assert desk.check(desk.file).head_sha == head


# -- the file


def test_what_is_no_file_at_all(desk: Desk) -> None:
    desk.rejects(desk.file, Rule.UNREADABLE, "not an ordinary file")
    desk.file.symlink_to("/etc/passwd")
    desk.rejects(desk.file, Rule.UNREADABLE, "not an ordinary file")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"# v2 git bundle\n",
        b"# v2 git bundle\nzzz\n\nPACK",
        b"# v3 git bundle\n@filter=blob:none\n\n",
        b"# v2 git bundle\n" + (b"-" + b"1" * 40 + b" x\n") * 20_000,
        b"# v2 git bundle\n" + (b"-" + b"1" * 40 + b" x\n") * 200 + b"\nPACK",
        b"# v2 git bundle\n" + b"a" * 400_000,
    ],
    ids=range(8),
)
def test_what_is_no_bundle(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(content)
    desk.rejects(desk.file, Rule.UNREADABLE, "not a git bundle that can be read")


def test_a_bundle_cut_off_anywhere(desk: Desk) -> None:
    bundle = desk.hands_back(desk.agent.commit({"a.py": b"new\n" * 50}, desk.base))
    whole = bundle.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 25)):
        bundle.write_bytes(whole[:length])
        desk.rejects(bundle, Rule.UNREADABLE, "not a git bundle")


def test_a_flipped_bit_anywhere_in_the_pack(desk: Desk) -> None:
    bundle = desk.hands_back(desk.agent.commit({"a.py": b"new\n" * 50}, desk.base))
    whole = bundle.read_bytes()
    start = whole.index(b"PACK")
    for place in range(start, len(whole), max(1, (len(whole) - start) // 25)):
        bundle.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        with pytest.raises(RejectedBundle) as caught:
            desk.check(bundle)
        assert caught.value.rule in (Rule.UNREADABLE, Rule.OBJECTS, Rule.UNPACKED)


def test_too_big_a_file(desk: Desk) -> None:
    bundle = desk.hands_back(desk.agent.commit({"a.py": b"new\n"}, desk.base))
    small = replace(RULES, limits=replace(LIMITS, bundle_bytes=100))
    desk.rejects(bundle, Rule.SIZE, "at most 100 bytes are accepted", small)


# -- the branch it names


def test_two_branches_or_only_a_tag(desk: Desk) -> None:
    one = desk.agent.commit({"a.py": b"1\n"}, desk.base)
    two = desk.agent.commit({"a.py": b"2\n"}, desk.base)
    desk.agent.point("refs/heads/one", one)
    desk.agent.point("refs/heads/two", two)
    desk.agent.point("refs/tags/t", one)
    desk.agent.git("bundle", "create", "-q", str(desk.file), "one", "two", f"^{desk.base}")
    desk.rejects(desk.file, Rule.HEADS, "names 2 branches; exactly one")
    desk.agent.git("bundle", "create", "-q", str(desk.file), "one", "t", f"^{desk.base}")
    desk.rejects(desk.file, Rule.HEADS, "names 2 branches; exactly one")
    desk.agent.git("bundle", "create", "-q", str(desk.file), "t", f"^{desk.base}")
    desk.rejects(desk.file, Rule.HEADS, "a tag does not count")


def test_a_branch_that_is_no_commit_or_not_in_the_pack(desk: Desk) -> None:
    blob = desk.agent.blob(b"x")
    handmade(desk.file, [f"{blob} refs/heads/work"], pack_of(desk.agent, [blob]))
    desk.rejects(desk.file, Rule.OBJECTS, "points to a blob, not to a commit")
    handmade(desk.file, [f"{'1' * 40} refs/heads/work"], pack_of(desk.agent, [blob]))
    desk.rejects(desk.file, Rule.OBJECTS, "points to a nothing at all")


def test_nothing_to_commit_is_told_apart(desk: Desk) -> None:
    empty = pack_of(desk.agent, [])
    for head in (desk.base, desk.agent.commit({}, desk.base, "Empty commit")):
        if head == desk.base:
            handmade(desk.file, [f"{head} refs/heads/work"], empty, [desk.base])
        else:
            desk.hands_back(head)
        with pytest.raises(NothingToCommit, match="there is nothing to commit") as caught:
            desk.check(desk.file)
        assert caught.value.rule == "empty_output"


# -- where it comes from


def test_histories_that_do_not_build_on_the_base(desk: Desk) -> None:
    root = desk.agent.commit({"a.py": b"other\n"}, None, "Another root")
    desk.rejects(desk.agent.bundle(desk.file, root), Rule.DESCENDS, "does not build on the commit that was handed out")
    older = Repo(desk.path / "older.git")
    unknown = older.commit({"a.py": b"1"}, older.commit({}, None, "Unknown to the mirror"))
    desk.rejects(older.bundle(desk.file, unknown, [f"{unknown}^"]), Rule.PREREQUISITES, "not part of the source")
    on_newer = desk.agent.commit({"a.py": b"1"}, desk.newer)
    desk.rejects(desk.agent.bundle(desk.file, on_newer, [desk.newer]), Rule.PREREQUISITES, desk.newer[:10])


def test_merges_even_of_known_commits(desk: Desk) -> None:
    mine = desk.agent.commit({"a.py": b"1"}, desk.base)
    root = desk.agent.commit({"z.py": b"z"}, None, "From elsewhere")
    tree = desk.agent.git("rev-parse", f"{mine}^{{tree}}")
    for other in (root, desk.newer):
        merge = desk.agent.commit_tree(tree, [mine, other], "Merge")
        desk.rejects(desk.hands_back(merge), Rule.MERGE, f"commit {merge[:10]} is a merge")


def test_objects_that_are_missing(desk: Desk) -> None:
    head = desk.agent.commit({"a.py": b"new\n", "d/e.py": b"deep\n"}, desk.base)
    listed = desk.agent.git("rev-list", "--objects", "--no-object-names", head, f"^{desk.base}").split()
    for missing in listed[1:]:
        handmade(
            desk.file,
            [f"{head} refs/heads/work"],
            pack_of(desk.agent, [x for x in listed if x != missing]),
            [desk.base],
        )
        desk.rejects(desk.file, Rule.OBJECTS, "damaged or incomplete")


# -- paths


@pytest.mark.parametrize(
    "name",
    ["..", ".git", ".GIT", ".Git", "git~1", ".git ", ".git.", ".g\u200cit", ".git::$INDEX_ALLOCATION",
    "a\nb", "a\x1bb",
     "a\x7f", "x\u202ey", "a\\..\\b"],
)  # fmt: skip
@pytest.mark.parametrize("deep", [False, True])
def test_paths_no_repository_may_hold(desk: Desk, name: str, deep: bool) -> None:
    blob = desk.agent.blob(b"[core]\n\thooksPath = .\n")
    tree = desk.agent.tree([("100644", blob, "config")])
    tree = desk.agent.tree([("40000", tree, name)])
    if deep:
        tree = desk.agent.tree([("40000", tree, "sub")])
    desk.rejects(desk.hands_back(desk.agent.commit_tree(tree, [desk.base])), Rule.PATH, "no" if deep else "path")


def test_a_path_that_is_not_text(desk: Desk) -> None:
    blob = desk.agent.blob(b"x")
    tree = desk.agent.raw("tree", b"100644 \xff\xfe\0" + bytes.fromhex(blob))
    desk.rejects(desk.hands_back(desk.agent.commit_tree(tree, [desk.base])), Rule.PATH, "not one a repository may hold")


@pytest.mark.parametrize(
    ("link", "target", "allowed"),
    [
        ("l", "/etc/passwd", False),
        ("l", "../x", False),
        ("d/l", "../a.py", True),
        ("d/l", "../../x", False),
        ("l", "docs/../../x", False),
        ("l", "docs/../a.py", False),
        ("l", ".git/config", False),
        ("l", "docs", True),
        ("l", "./docs/x.md", True),
    ],
)
def test_symbolic_links_stay_inside(desk: Desk, link: str, target: str, allowed: bool) -> None:
    bundle = desk.hands_back(desk.agent.commit({}, desk.base, links={link: target}))
    if allowed:
        assert desk.check(bundle).paths == (link,)
    else:
        desk.rejects(bundle, Rule.SYMLINK, f"“{link}” leads out of the repository, to “{target}”")


def test_submodules(desk: Desk) -> None:
    bundle = desk.hands_back(desk.agent.commit({}, desk.base, gitlinks={"vendor": desk.base}))
    desk.rejects(bundle, Rule.SUBMODULE, "“vendor” is a submodule")


CI = ".forgejo/workflows/ci.yml"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({".forgejo/new.yml": b"x"}, ".forgejo/new.yml"),
        ({CI: b"on: pull_request_target\n"}, CI),
        ({CI: None}, CI),
        ({CI: None, "ci.yml": b"on: push\n" * 40}, CI),
        ({"docs/x.md": None, ".gitea/x.md": b"x\n"}, ".gitea/x.md"),
        ({".GitHub/workflows/x.yml": b"x"}, ".GitHub/workflows/x.yml"),
        ({"CODEOWNERS": b"* @x"}, "CODEOWNERS"),
        ({"docs/CODEOWNERS": b"* @x"}, "docs/CODEOWNERS"),
        ({"deep/down/CLAUDE.md": b"x"}, "deep/down/CLAUDE.md"),
        ({"sub/.mcp.json": b"{}"}, "sub/.mcp.json"),
        ({".claude/settings.json": b"{}"}, ".claude/settings.json"),
        ({".codex": b"a file in its place"}, ".codex"),
        ({".gitmodules": b""}, ".gitmodules"),
    ],
)
def test_protected_paths_added_changed_deleted_or_renamed(
    desk: Desk, files: dict[str, bytes | None], path: str
) -> None:
    bundle = desk.hands_back(desk.agent.commit(files, desk.base))
    desk.rejects(bundle, Rule.PROTECTED, f"“{path}” is protected by")
    allowing = replace(RULES, allowed=(path,))
    assert path in desk.check(bundle, allowing).paths


def test_a_protected_path_touched_and_put_back(desk: Desk) -> None:
    touched = desk.agent.commit({CI: b"evil\n"}, desk.base)
    head = desk.agent.commit({CI: b"on: push\n" * 40, "a.py": b"1"}, touched)
    desk.rejects(desk.hands_back(head), Rule.PROTECTED, CI)


def test_names_that_only_look_protected_are_free(desk: Desk) -> None:
    files = {"src/.github/x": b"1", "src/CODEOWNERS": b"1", "MYCLAUDE.md": b"1", ".forgejoish/x": b"1"}
    assert desk.check(desk.hands_back(desk.agent.commit(files, desk.base))).files_changed == 4


# -- secrets

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda raw: b"key = '" + raw + b"'\n",
    "binary": lambda raw: b"\0\xff" * 40_000 + raw + b"\0",
    "base64": base64.b64encode,
    "base64 of more": lambda raw: base64.b64encode(b"user:" + raw + b"\n"),
    "base64, other offset": lambda raw: base64.urlsafe_b64encode(b"user1:" + raw + b"!!"),
    "url-quoted": lambda raw: b"https://x/?t=" + quote(raw, safe="").encode(),
    "hexadecimal": lambda raw: raw.hex().encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_secrets_in_a_file(desk: Desk, form: str) -> None:
    head = desk.agent.commit({"src/a.py": FORMS[form](SECRET.encode())}, desk.base)
    desk.rejects(desk.hands_back(head), Rule.LEAK, "a configured secret stands in the file “src/a.py”")


def test_secrets_taken_out_again_in_names_messages_and_authors(desk: Desk) -> None:
    plain = desk.agent.commit({"a.py": b"1"}, desk.base)
    leaked = desk.agent.commit({"b.py": SECRET.encode()}, desk.base)
    cases = [
        (desk.agent.commit({"b.py": None, "c.py": b"1"}, leaked), "the file “b.py”"),
        (desk.agent.commit({f"x/{SECRET}.txt": b"1"}, desk.base), "the name of a file"),
        (
            desk.agent.commit({"a.py": b"2"}, desk.base, f"Use {SECRET}"),
            "the message or the author of commit",
        ),
        (desk.agent.commit({"a.py": b"3"}, plain, author=SECRET), "the message or the author of commit"),
    ]
    for head, where in cases:
        desk.rejects(desk.hands_back(head), Rule.LEAK, f"a configured secret stands in {where}")


def test_one_line_of_a_key_file_is_enough(desk: Desk) -> None:
    key = "-----BEGIN KEY-----\n" + "AbCdEfGhIjKlMnOpQrStUvWx0123\n" * 2 + "-----END KEY-----\n"
    bundle = desk.hands_back(desk.agent.commit({"a": b"> AbCdEfGhIjKlMnOpQrStUvWx0123"}, desk.base))
    desk.rejects(bundle, Rule.LEAK, "the file “a”", replace(RULES, secrets=(key,)))


# -- too much of it


def test_ten_thousand_files(desk: Desk) -> None:
    blob = desk.agent.blob(b"x")
    tree = desk.agent.tree([("100644", blob, f"f{i:05d}") for i in range(10_000)])
    desk.rejects(desk.hands_back(desk.agent.commit_tree(tree, [desk.base])), Rule.FILES, "more than 50 files")


def test_a_tree_that_repeats_itself_without_end(desk: Desk) -> None:
    blob = desk.agent.blob(b"x")
    tree = desk.agent.tree([("100644", blob, f"f{i}") for i in range(10)])
    for _ in range(12):  # 10**13 paths in a bundle of a kilobyte
        tree = desk.agent.tree([("40000", tree, f"d{i}") for i in range(10)])
    desk.rejects(desk.hands_back(desk.agent.commit_tree(tree, [desk.base])), Rule.FILES, "more than 50 files")


def test_too_many_commits(desk: Desk) -> None:
    head = desk.base
    for number in range(6):
        head = desk.agent.commit({"a.py": str(number).encode()}, head)
    desk.rejects(desk.hands_back(head), Rule.COMMITS, "more than 5 commits")


def test_a_huge_file(desk: Desk) -> None:
    head = desk.agent.commit({"big.bin": b"x" * 300_001}, desk.base)
    desk.rejects(desk.hands_back(head), Rule.FILE_SIZE, "“big.bin” is 300001 bytes; at most 300000 bytes")


def test_a_file_that_unpacks_to_far_more_than_it_weighs(desk: Desk) -> None:
    bundle = desk.hands_back(desk.agent.commit({"bomb": b"\0" * 50_000_000}, desk.base))
    assert bundle.stat().st_size < 100_000
    desk.rejects(bundle, Rule.UNPACKED, "unpacks to more than 3.8 MiB")


def test_a_delta_that_claims_a_gigabyte_is_refused_before_git_sees_it(desk: Desk) -> None:
    base = desk.agent.blob(b"x" * 100)
    delta = bytes([100, 0x80, 0x80, 0x80, 0x80, 0x04, 0x90, 100])  # source 100 bytes, result 1 GiB
    entry = bytes([0x70 | len(delta)]) + bytes.fromhex(base) + zlib.compress(delta)
    body = b"PACK" + struct.pack(">II", 2, 1) + entry
    handmade(desk.file, [f"{'1' * 40} refs/heads/work"], body + hashlib.sha1(body).digest())
    desk.rejects(desk.file, Rule.UNPACKED, "unpacks to more than")


def test_too_many_objects(desk: Desk) -> None:
    body = b"PACK" + struct.pack(">II", 2, 4_000_000_000)
    handmade(desk.file, [f"{'1' * 40} refs/heads/work"], body)
    desk.rejects(desk.file, Rule.UNPACKED, "holds 4000000000 git objects; at most 20000")
