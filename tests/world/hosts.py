"""Hosts for stories, and agent commands for them: small shell scripts that do as their name says."""

import getpass
from pathlib import Path
from typing import Final

from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.sections import Adapter

WORKS: Final = "echo '::fleet progress reading'; echo fixed >login.py; echo '::fleet summary Fixed the login.'"
FAILS: Final = "echo 'no such test' >&2; exit 3"


def script(words: str) -> Adapter:
    """A command of the operator's own that runs ``words`` in a shell."""
    return Adapter(command=["/bin/sh", "-c", words])


def here(root: Path, name: str, *agents: HostAgent, **changes: object) -> HostEntry:
    """This machine as a host of that name, with a work_dir of its own."""
    return HostEntry(
        host_id=name,
        hostname="localhost",
        ssh_user=getpass.getuser(),
        allow_same_user=True,
        work_dir=str(root / name),
        agents=list(agents) or [HostAgent(agent_type="scripted", capabilities=["python"])],
        **changes,  # type: ignore[arg-type]
    )


def waits_for(signal: Path, then: str) -> Adapter:
    """Says that it has begun, waits until the file ``signal`` is there, then runs ``then``."""
    return script(f"echo begun; while [ ! -e {signal} ]; do sleep 0.02; done; {then}")


#: Two children, one of them in a session of its own, and nobody ends when asked to.
STUBBORN: Final = (
    "trap '' TERM; sleep 600 & setsid sh -c \"trap '' TERM; sleep 600\" & echo begun; sleep 600; sleep 600"
)


def processes(work_dir: Path | str) -> list[int]:
    """Whatever lives with its home below ``work_dir``: agents and all they left."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if f"HOME={work_dir}/".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found
