"""Every sentence about results and git: why a bundle is refused, what happened to a push, what a run ended with."""


def shown(value: str, limit: int = 120) -> str:
    """``value`` in quotation marks, safe to print: control characters escaped, long ones cut in the
    middle.
    """
    printable = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in value
    )
    if len(printable) > limit:
        half = limit // 2
        printable = f"{printable[:half]}…{printable[-half:]}"
    return f"“{printable}”"


def mib(size: int) -> str:
    """``size`` bytes in a unit people read."""
    return f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{size} bytes"


def git_failed(command: str, code: int, tail: str) -> str:
    return f"{command} ended with exit code {code}: {tail or 'it said nothing'}"


def git_timed_out(command: str, secs: float) -> str:
    return f"{command} did not end within {secs:g} s and was stopped."


def git_unreachable(command: str, tail: str) -> str:
    return f"{command} could not reach the forge: {tail}"


def mirror_busy() -> str:
    return "The mirror of this repository is in use by somebody else for too long."


def not_an_object_id(value: str) -> str:
    return f"{shown(value)} is not a full commit id (40 hexadecimal digits)."


def not_a_ref(value: str) -> str:
    return f"{shown(value)} is not a name git accepts for a branch."


def not_a_remote(value: str) -> str:
    return f"{shown(value)} is not an http or https address of a repository."


def branch_moved(branch: str, found: str) -> str:
    return f"the branch {shown(branch)} is at {found[:10] or 'no commit'} on the forge, not where it was left."


def not_fast_forward(branch: str) -> str:
    return f"the new commits do not build on what {shown(branch)} holds; it is never overwritten."


def push_unclear(branch: str) -> str:
    return f"the answer to the push of {shown(branch)} was lost, and the branch does not show the commits (yet)."


def bundle_not_a_file() -> str:
    return "the result is not an ordinary file."


def bundle_too_large(size: int, limit: int) -> str:
    return f"the result is {mib(size)}; at most {mib(limit)} are accepted."


def bundle_unreadable(why: str) -> str:
    return f"the result is not a git bundle that can be read: {why}."


def bundle_heads(found: int) -> str:
    return f"the result names {found} branches; exactly one is needed."


def bundle_no_branch() -> str:
    return "the result names no branch; exactly one is needed (a tag does not count)."


def bundle_prerequisite(sha: str) -> str:
    return f"the result builds on commit {sha[:10]}, which is not part of the source that was handed out."


def unpacked_too_large(limit: int) -> str:
    return f"the result unpacks to more than {mib(limit)}."


def too_many_objects(found: int, limit: int) -> str:
    return f"the result holds {found} git objects; at most {limit} are accepted."


def broken_objects(tail: str) -> str:
    return f"git finds the result's objects damaged or incomplete: {tail}"


def head_not_a_commit(kind: str) -> str:
    return f"the result's branch points to a {kind}, not to a commit."


def not_on_base(base: str) -> str:
    return f"the result does not build on the commit that was handed out ({base[:10]})."


def nothing_to_commit() -> str:
    return "the result holds no change: there is nothing to commit."


def merge_commit(sha: str) -> str:
    return f"commit {sha[:10]} is a merge; a result must be a straight line of commits on its base."


def too_many_commits(limit: int) -> str:
    return f"the result has more than {limit} commits."


def too_many_files(limit: int) -> str:
    return f"the result touches more than {limit} files."


def file_too_large(path: str, size: int, limit: int) -> str:
    return f"the file {shown(path)} is {mib(size)}; at most {mib(limit)} are accepted."


def bad_path(path: str) -> str:
    return f"the path {shown(path)} is not one a repository may hold."


def bad_path_found(tail: str) -> str:
    return f"git finds a path that no repository may hold: {tail}"


def symlink_outside(path: str, target: str) -> str:
    return f"the symbolic link {shown(path)} leads out of the repository, to {shown(target)}."


def submodule(path: str) -> str:
    return f"{shown(path)} is a submodule; results may not add or change one."


def protected_path(path: str, pattern: str) -> str:
    return f"{shown(path)} is protected by {shown(pattern)}; agents may not change it here."


def secret_in(where: str) -> str:
    return f"a configured secret stands in {where}."


def in_a_path() -> str:
    return "the name of a file"


def in_commit(sha: str) -> str:
    return f"the message or the author of commit {sha[:10]}"


def in_file(path: str) -> str:
    return f"the file {shown(path)}"


def work_dir_unsafe(why: str) -> str:
    return f"the working directory cannot be trusted: {why}."


def newer_fence(mine: int, newer: int) -> str:
    return f"this workspace belongs to attempt {newer} now; attempt {mine} may not touch it any more."


def kept_as_snapshot(why: str) -> str:
    return f"the agent's own commits were not taken over ({why}); its files were, as one commit."


def nul_in(where: str) -> str:
    return f"{where} holds a NUL character, which no process can be given."


def word_too_long(size: int, limit: int) -> str:
    return f"one word of the command line is {size} bytes; Linux takes at most {limit}. Put the text on stdin."


def command_not_found(name: str) -> str:
    return f"the command {shown(name)} is not installed on this host, not on its PATH, or not executable."


def the_command_line() -> str:
    return "the command line"


def the_variable(name: str) -> str:
    return f"the environment variable {shown(name)}"


def shrink_or_ignore() -> str:
    return "Take the file out, or name it in .gitignore."


def is_no_directory(name: str) -> str:
    return f"{shown(name)} is not a directory"


def is_not_ours(name: str) -> str:
    return f"{shown(name)} belongs to another user"


def no_readable_head() -> str:
    return "its HEAD names no commit"


def objects_from_elsewhere() -> str:
    return "its repository borrows objects from elsewhere"


def history_rewritten() -> str:
    return "they do not build on the commit it started from"


def history_has_merges() -> str:
    return "there is a merge among them"


def merged_for_rework(base: str) -> str:
    """A commit's message."""
    return f"Merge {base}, conflicts to be resolved by the next commit\n"
