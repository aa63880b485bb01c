"""From a host's entry in the configuration to the host."""

from pathlib import Path

from bot.execution.host_workspace import Hooks
from bot.execution.hostkeys import PinnedKeys
from bot.execution.hosts import Host
from bot.execution.local import LocalHost
from bot.execution.ssh import Login, SshHost
from bot.settings.hosts import HostEntry

#: The file for pinned keys in the data folder, when an entry names none.
KNOWN_HOSTS = "known_hosts"


def open_host(entry: HostEntry, data_dir: Path) -> Host:
    """The host of an entry; connects when first asked. Raises Refused when this user may not run things there."""
    if entry.is_local:
        same, run_as = entry.allow_same_user, entry.run_as
        return Host(LocalHost(entry.host_id, entry.work_dir, entry.ssh_user, allow_same_user=same, run_as=run_as))
    return Host(SshHost(entry.host_id, entry.work_dir, login_of(entry), pins_of(entry, data_dir)))


def login_of(entry: HostEntry) -> Login:
    return Login(
        hostname=entry.hostname,
        user=entry.ssh_user,
        port=entry.ssh_port,
        key_path=Path(entry.ssh_key_path) if entry.ssh_key_path else None,
        passphrase_file=Path(entry.ssh_key_passphrase_file) if entry.ssh_key_passphrase_file else None,
        use_agent=entry.ssh_agent,
        max_sessions=entry.max_sessions,
    )


def pins_of(entry: HostEntry, data_dir: Path) -> PinnedKeys:
    file = Path(entry.known_hosts) if entry.known_hosts else data_dir / KNOWN_HOSTS
    return PinnedKeys(entry.hostname, entry.ssh_port, file, entry.host_key, host_id=entry.host_id)


def hooks_of(entry: HostEntry) -> Hooks:
    return Hooks(**entry.hooks.model_dump())
