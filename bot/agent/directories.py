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
