"""Files written where an agent of our own user may have left anything."""

import os
import shutil
from pathlib import Path


def fresh_directory(path: Path) -> Path:
    """An empty directory of ours (0700); whatever was there is gone, no link is followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.mkdir(mode=0o700)
    return path


def write_new(path: Path, content: bytes) -> None:
    """A new file (0600) in place of whatever was there; directories above it are made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)


def bring(path: str, home: Path, into: Path) -> bool:
    """Copy the log-in ``path`` of the home ``home`` to the same place below ``into`` (0600); True when it was.

    Nothing happens when there is none, when it lies outside ``home`` after all links, or when the one below ``into``
    is as new: a CLI renews its log-in there. Links an agent left on the way are no folders and are removed.
    """
    source, target = home / path, into / path
    if not source.is_file() or not source.resolve().is_relative_to(home.resolve()):
        return False
    folder = into
    for part in target.relative_to(into).parts[:-1]:
        folder = folder / part
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(mode=0o700, exist_ok=True)
    found = source.stat()
    if target.is_file() and not target.is_symlink() and target.stat().st_mtime_ns >= found.st_mtime_ns:
        return False
    write_new(target, source.read_bytes())
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
    return True
