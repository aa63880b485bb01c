"""Every way in which a host cannot be reached, each with its own error and a sentence that helps."""

import contextlib
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.errors import Refused
from bot.execution import calls
from bot.execution.host_errors import AuthRefused, HostBroken, HostKeyProblem, Unreachable
from bot.execution.hostkeys import PinnedKeys, SeenKey
from bot.execution.hosts import Host
from bot.execution.local import LocalHost
from bot.execution.ssh import Login, seen_key
from tests.hosts.conftest import Door, JobOf, Site
from tests.hosts.machines import USER, Sshd, free_port, key_pair, need, until


def test_one_connection_stays_warm(door: Door) -> None:
    way = door()
    host = Host(way)
    assert len({host.ping() for _ in range(5)}) == 1
    assert way.connections == 1


def test_an_unknown_host_key_is_shown_and_refused(door: Door, site: Site, tmp_path: Path) -> None:
    with pytest.raises(HostKeyProblem, match="is not known here") as refused:
        door(host_key="").run(["ping"])
    assert refused.value.fingerprint in str(refused.value)
    assert "hosts add first" in refused.value.fix
    assert not (tmp_path / "known_hosts").exists()


def test_a_changed_host_key_is_refused_with_both_fingerprints(door: Door, site: Site, tmp_path: Path) -> None:
    other = site.second.host_key_line()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{site.first.port} {other}\n")
    with pytest.raises(HostKeyProblem, match="somebody stands between") as refused:
        door(host_key="").run(["ping"])
    assert str(refused.value).count("SHA256:") == 2
    with pytest.raises(HostKeyProblem):
        door(host_key=other).run(["ping"])


def test_a_pinned_key_lets_in_by_file_and_by_fingerprint(door: Door, site: Site, tmp_path: Path) -> None:
    key = seen_key(Login("127.0.0.1", USER, site.first.port))
    shown = subprocess.run(["ssh-keygen", "-lf", f"{site.first.host_key}.pub"], capture_output=True, text=True).stdout
    assert key.fingerprint == shown.split()[1]
    assert Host(door(host_key=key.fingerprint)).ping()
    pins = PinnedKeys("127.0.0.1", site.first.port, tmp_path / "known_hosts")
    assert pins.pin(key)
    assert not pins.pin(key)
    assert Host(door(host_key="")).ping()
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(tmp_path / "known_hosts")], check=True, capture_output=True)
    assert (tmp_path / "known_hosts").read_text().startswith("|1|")
    assert Host(door(host_key="")).ping()


def test_a_key_only_pins_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("# note\n@revoked a ssh-ed25519 AAAA\nbroken\na,b ssh-ed25519 AAAA\n[a]:23 ssh-rsa BBBB\nc x y!\n")
    assert PinnedKeys("b", 22, file).in_file() == [SeenKey("ssh-ed25519", b"\0\0\0")]
    assert PinnedKeys("a", 23, file).types() == ["ssh-rsa"]
    assert PinnedKeys("c", 22, file).in_file() == []
    assert PinnedKeys("a", 22, tmp_path / "none").in_file() == []


def test_a_wrong_user_or_key_is_refused(door: Door, tmp_path: Path) -> None:
    for changes in ({"user": "nobody-here"}, {"key_path": key_pair(tmp_path / "stranger")}):
        with pytest.raises(AuthRefused, match="does not let"):
            door(**changes).run(["ping"])


def test_keys_that_cannot_be_used_say_why(door: Door, site: Site, tmp_path: Path) -> None:
    locked = key_pair(tmp_path / "locked", passphrase="open sesame")
    for path in (locked, tmp_path / "missing", site.first.path / "config"):
        with pytest.raises(AuthRefused, match="cannot be used"):
            door(key_path=path).run(["ping"])
    with pytest.raises(AuthRefused, match="neither"):
        door(key_path=None).run(["ping"])


def test_a_key_with_a_passphrase_opens_with_its_file(site: Site, door: Door, tmp_path: Path) -> None:
    locked = key_pair(tmp_path / "locked", passphrase="open sesame")
    (tmp_path / "phrase").write_text("open sesame\n")
    server = Sshd(tmp_path / "third", locked)
    try:
        assert Host(door(server, key_path=locked, passphrase_file=tmp_path / "phrase")).ping()
    finally:
        server.kill_all()


def test_a_closed_port_is_unreachable(door: Door) -> None:
    with pytest.raises(Unreachable, match="refused") as lost:
        door(port=free_port()).run(["ping"])
    assert not lost.value.ambiguous


def test_a_port_that_never_speaks_is_given_up(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable):
        door(port=silent.getsockname()[1], connect_secs=0.3).run(["ping"])


class Proxy:
    """Passes bytes on until told to swallow them: the connection stays up, nobody answers."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.swallowing = threading.Event()
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            stack.enter_context(self._server)
            selector.register(self._server, selectors.EVENT_READ, None)
            while not self._over.is_set():
                for key, _ in selector.select(0.02):
                    if key.fileobj is self._server:
                        near = stack.enter_context(self._server.accept()[0])
                        far = stack.enter_context(socket.create_connection(("127.0.0.1", self._target)))
                        selector.register(near, selectors.EVENT_READ, far)
                        selector.register(far, selectors.EVENT_READ, near)
                    elif isinstance(key.fileobj, socket.socket):
                        data = key.fileobj.recv(65536)
                        if not data:
                            selector.unregister(key.fileobj)
                        elif not self.swallowing.is_set():
                            key.data.sendall(data)

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    proxy = Proxy(site.first.port)
    yield proxy
    proxy.close()


def test_a_half_open_connection_is_noticed_and_replaced(
    door: Door, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.execution.ssh._OPEN_SECS", 0.3)
    way = door(port=proxy.port, connect_secs=1)
    host = Host(way)
    host.ping()
    proxy.swallowing.set()
    with pytest.raises(Unreachable):
        way.run(["ping"], quiet_secs=0.3)
    proxy.swallowing.clear()
    assert host.ping()
    assert way.connections == 1


def test_a_connection_that_dies_under_an_answer_is_ambiguous(door: Door, proxy: Proxy, job: JobOf) -> None:
    way = door(port=proxy.port)
    host = Host(way)
    one = job(host, "half", "true")

    def swallow() -> Iterator[bytes]:
        proxy.swallowing.set()
        yield one.encoded()

    with pytest.raises(Unreachable, match=r"heard for 0\.5 s") as lost:
        way.stream(["start", "half"], swallow(), quiet_secs=0.5)
    assert lost.value.ambiguous


def test_more_at_once_than_a_server_allows_takes_more_connections(door: Door, site: Site, tmp_path: Path) -> None:
    server = Sshd(tmp_path / "narrow", site.key, "MaxSessions 2")
    try:
        way = door(server)
        Host(way).ping()
        gate = threading.Barrier(6, timeout=60)
        answers: list[int] = []

        def hold() -> Iterator[bytes]:
            gate.wait()
            yield b"\n"

        threads = [
            threading.Thread(target=lambda: answers.append(way.run(["probe"], hold()).exit_code)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [0] * 6
        assert way.connections >= 3
    finally:
        server.kill_all()


def test_sessions_beyond_eight_open_a_second_connection_by_themselves(door: Door) -> None:
    way = door()
    Host(way).ping()
    gate = threading.Barrier(9, timeout=60)

    def hold() -> Iterator[bytes]:
        gate.wait()
        yield b"\n"

    threads = [threading.Thread(target=lambda: way.run(["probe"], hold())) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert way.connections == 2


def test_a_talkative_login_shell_is_no_harm(site: Site, door: Door, job: JobOf, tmp_path: Path) -> None:
    talker = tmp_path / "talk"
    talker.write_text(
        '#!/bin/sh\necho "Welcome"; echo trouble >&2; sleep 0.2\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    talker.chmod(0o755)
    server = Sshd(tmp_path / "talking", site.key, f"ForceCommand {talker}")
    try:
        host = Host(door(server))
        host.start(job(host, "talk", "cat", prompt=b"x"))
        until(lambda: host.tail("talk", "stdout", 0).data == b"x", "its output")
    finally:
        server.kill_all()


def test_a_login_shell_that_runs_nothing_is_told_from_a_wrapper(site: Site, door: Door, tmp_path: Path) -> None:
    server = Sshd(tmp_path / "nologin", site.key, "ForceCommand echo no; exit 1")
    try:
        with pytest.raises(HostBroken, match="did not answer as the wrapper does") as broken:
            Host(door(server)).ping()
        assert broken.value.is_infrastructure
    finally:
        server.kill_all()


def test_only_identifiers_ever_stand_in_a_command(door: Door) -> None:
    way = door()
    for word in ("", ".", "..", ".x", "a b", "a;b", "$(x)", "a\0b", "a\n", "ü", "x" * 65):
        with pytest.raises(Refused):
            way.run(["status", word])
    assert way.connections == 0


def test_a_damaged_wrapper_is_never_run_but_replaced(host: Host, door: Door, job: JobOf, tmp_path: Path) -> None:
    host.ping()
    [installed] = (tmp_path / "work" / ".fleet").glob("wrapper-*.sh")
    assert installed.read_bytes() == calls.wrapper()
    installed.chmod(0o700)
    installed.write_text("echo 'agent-fleet 1'; echo pong forged")
    assert host.start(job(host, "whole", "echo mine"))
    assert until(lambda: host.tail("whole", "stdout", 0).data, "its output") == b"mine\n"
    installed.chmod(0o700)
    installed.write_text("echo 'agent-fleet 1'; echo pong forged")
    assert "forged" not in (host.ping(), Host(door()).ping())
    assert installed.read_bytes() == calls.wrapper()


def test_a_full_disk_is_called_a_full_disk(door: Door, job: JobOf, tmp_path: Path) -> None:
    need("root", os.geteuid() == 0, "only root can mount a small file system to fill")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(small)], check=True)
    try:
        host = Host(door(work_dir=small))
        one = job(host, "full", "dd if=/dev/zero of=big bs=64k 2>/dev/null; echo full")
        host.start(one)
        state = until(lambda: s if (s := host.status("full")).exit_code is not None else None, "its end")
        assert state.exit_code is not None  # its last words had their room
        with pytest.raises(HostBroken, match="no space left") as broken:
            host.start(job(host, "next", "true", task="other", prompt=b"x" * 500_000))
        assert broken.value.kind == "no_space"
        with pytest.raises(HostBroken) as broken:
            host.start(type(one)("more", one.workspace, one.fence, one.argv, prompt=b"x" * 500_000))
        assert broken.value.kind == "no_space"
        assert [run.run_id for run in host.runs()] == ["full"]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_work_dir_that_is_not_ours_is_not_used(door: Door, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    host = Host(door(work_dir=tmp_path / "real"))
    host.ping()
    (tmp_path / "real" / ".fleet" / "runs").symlink_to(tmp_path)
    with pytest.raises(HostBroken) as broken:
        host.wrapper.call("gc", "1", "0")
    assert broken.value.kind == "unsafe"


def test_our_own_user_is_refused_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="could read its tokens"):
        LocalHost("here", str(tmp_path), USER)
    with pytest.raises(Refused, match="no user"):
        LocalHost("here", str(tmp_path), "nobody-here")


def test_another_user_runs_things_here_when_we_are_root(tmp_path_factory: pytest.TempPathFactory) -> None:
    need("root", os.geteuid() == 0, "only root can become another user without a password")
    home = Path("/var/tmp") / f"fleet-{os.getpid()}"
    home.mkdir()
    try:
        os.chown(home, 65534, 65534)
        host = Host(LocalHost("here", str(home), "nobody"))
        host.ping()
        assert {path.stat().st_uid for path in home.rglob("*")} == {65534}
        with pytest.raises(HostBroken):
            host.stop("none", "x", 99999)
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)


def test_systemd_is_asked_for_a_service_that_leaves_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No systemd runs where tests do: what it is asked for, and that the rest works through it."""
    asked = tmp_path / "asked"
    fake = tmp_path / "bin" / "systemd-run"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nwhile [ "$1" != -- ]; do echo "$1" >>{asked}; shift; done\nshift\nexec "$@"\n')
    fake.chmod(0o755)
    with pytest.raises(Refused, match="no systemd-run"):
        monkeypatch.setenv("PATH", str(tmp_path))
        LocalHost("here", str(tmp_path / "work"), "nobody", run_as="systemd-run")
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    assert Host(LocalHost("here", str(tmp_path / "work"), "nobody", run_as="systemd-run")).ping()
    words = asked.read_text().splitlines()
    assert {"--pipe", "--wait", "--uid=nobody", "--property=KillMode=process"} < set(words)
    assert f"--setenv=PATH={fake.parent}:/usr/bin:/bin" in words
    assert not [word for word in words if word.startswith("--setenv") and "PYTEST" in word]


def test_a_local_call_that_hangs_is_ended(here: Host, tmp_path: Path) -> None:
    here.ping()
    lock = subprocess.Popen(["flock", str(tmp_path / "work" / "k.fence"), "sleep", "60"], start_new_session=True)
    try:
        until(lambda: (tmp_path / "work" / "k.fence").exists(), "the lock")
        request = calls.lines([("script", "true"), ("secs", "1")])
        with pytest.raises(Unreachable):
            here.wrapper.call("hook", "k", "1", "x", request=request, quiet_secs=0.5)
    finally:
        os.killpg(lock.pid, 9)
        lock.wait()
