"""A real Forgejo for the same suite: one that runs somewhere, or a binary started here.

``FORGEJO_URL`` and ``FORGEJO_ADMIN_TOKEN`` name one that runs. Its ``[webhook] ALLOWED_HOST_LIST`` has to allow
where the tests listen (`loopback`), and the recording's people may not be there yet. ``FORGEJO_BIN`` is a binary to
start on loopback with a database of its own; ``FORGEJO_STATIC_ROOT_PATH`` is the folder with `options`, `public` and
`templates` for one that does not bring them along.
"""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from bot.demo.processes import free_port
from tests.contract.target import CannotDo

_START_SECS: Final = 60
_SHOWN_CHARS: Final = 2000
_APP_INI: Final = """\
APP_NAME = contract
RUN_MODE = prod
WORK_PATH = {root}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = {as_root}
[server]
STATIC_ROOT_PATH = {static}
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {root}/forgejo.db
[repository]
ROOT = {root}/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[log]
LEVEL = Warn
"""


def is_there() -> bool:
    """True when the environment names a real Forgejo."""
    return bool(os.environ.get("FORGEJO_BIN") or os.environ.get("FORGEJO_URL"))


class RealTarget:
    """A Forgejo reached with a site admin's token. It must not hold the recording's people yet."""

    name = "forgejo"

    def __init__(self, url: str, admin_token: str) -> None:
        self.url = url.rstrip("/")
        self._admin = {"Authorization": f"token {admin_token}"}
        self._passwords: dict[str, str] = {}
        self._count = 0
        self.newer = not self._call("GET", "/version")["version"].startswith("15.")

    def _call(self, method: str, path: str, body: Any = None, auth: tuple[str, str] | None = None) -> Any:
        headers = {} if auth else self._admin
        url = f"{self.url}/api/v1{path}"
        answer = requests.request(method, url, json=body, headers=headers, auth=auth, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def person(self, login: str, *, is_admin: bool = False) -> None:
        password = secrets.token_hex(12)
        body = {
            "username": login,
            "email": f"{login}@example.test",
            "password": password,
            "must_change_password": False,
        }
        self._call("POST", "/admin/users", body)
        self._passwords[login] = password
        if is_admin:
            self._call("PATCH", f"/admin/users/{login}", {"admin": True, "login_name": login, "source_id": 0})

    def token(self, login: str, *scopes: str) -> str:
        self._count += 1
        body = {"name": f"contract-{self._count}", "scopes": list(scopes)}
        made = self._call("POST", f"/users/{login}/tokens", body, (login, self.password(login)))
        return str(made["sha1"])

    def password(self, login: str) -> str:
        return self._passwords[login]

    def repository(self, full_name: str, *, private: bool = False) -> None:
        owner, name = full_name.split("/")
        body = {"name": name, "private": private, "auto_init": True, "description": f"{name} of the contract"}
        body |= {"default_branch": "main", "readme": "Default"}
        self._call("POST", "/user/repos", body, (owner, self.password(owner)))

    def organization(self, login: str, owner: str) -> None:
        self._call("POST", "/orgs", {"username": login}, (owner, self.password(owner)))

    def grant(self, full_name: str, login: str, right: str) -> None:
        self._call("PUT", f"/repos/{full_name}/collaborators/{login}", {"permission": right})

    def lock(self, full_name: str, number: int, by: str, *, locked: bool) -> None:
        reason = {"reason": "Resolved"} if locked else {}
        self._submit(by, f"/{full_name}/issues/{number}/{'lock' if locked else 'unlock'}", reason)

    def open_issue_by_web_form(self, full_name: str, by: str, title: str, labels: list[str]) -> int:
        there = self._call("GET", f"/repos/{full_name}/labels?limit=50")
        ids = {label["name"]: str(label["id"]) for label in there}
        form = {"title": title, "content": "", "label_ids": ",".join(ids[name] for name in labels)}
        made = self._submit(by, f"/{full_name}/issues/new", form)
        return int(made["redirect"].rstrip("/").rpartition("/")[2])

    def _submit(self, login: str, path: str, form: dict[str, str]) -> Any:
        """What a browser sends that is signed in. From Forgejo 15 on a form holds no token of its own."""
        with requests.Session() as browser:
            who = {"user_name": login, "password": self.password(login)}
            entered = browser.post(f"{self.url}/user/login", data=who, timeout=30, allow_redirects=False)
            assert entered.status_code == 303, f"sign-in of {login}: {entered.status_code}"
            answer = browser.post(f"{self.url}{path}", data=form, timeout=30, allow_redirects=False)
        if answer.status_code == 400 and "csrf" in answer.text.lower():
            raise CannotDo("this Forgejo wants a token in its forms; only 15 and newer are driven")
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:_SHOWN_CHARS]}"
        return answer.json()

    def settle(self) -> None:
        """Nothing tells when Forgejo's queue is empty; whoever expects deliveries counts them."""


@contextmanager
def forgejo(root: Path) -> Iterator[RealTarget]:
    """The real Forgejo that the environment names."""
    if url := os.environ.get("FORGEJO_URL"):
        yield RealTarget(url, os.environ["FORGEJO_ADMIN_TOKEN"])
        return
    port = free_port()
    config = root / "app.ini"
    config.touch(0o600)
    static, as_root = os.environ.get("FORGEJO_STATIC_ROOT_PATH", str(root)), os.geteuid() == 0
    config.write_text(
        _APP_INI.format(root=root, port=port, secret=secrets.token_hex(16), static=static, as_root=str(as_root).lower())
    )
    (root / "data").mkdir()  # an installation would have made it; without it the server ends at once
    common = [os.environ["FORGEJO_BIN"], "--config", str(config), "--work-path", str(root)]
    _run([*common, "migrate"])
    admin = [*common, "admin", "user"]
    flags = ["--username", "root-admin", "--email", "root-admin@example.test", "--admin"]
    password = ["--password", secrets.token_hex(12), "--must-change-password=false"]
    _run([*admin, "create", *flags, *password])
    made = _run([*admin, "generate-access-token", "--username", "root-admin", "--scopes", "all", "--raw"])
    log = root / "forgejo.log"
    with log.open("wb") as said, subprocess.Popen([*common, "web"], stdout=said, stderr=said) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/v1/version", server, log)
            yield RealTarget(f"http://127.0.0.1:{port}", made.split()[-1])
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    said = (done.stdout + done.stderr)[-_SHOWN_CHARS:]
    assert done.returncode == 0, f"forgejo ended with {done.returncode}: {said}"
    return done.stdout


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a real process answers; there is nothing to be told by but asking."""
    end = time.monotonic() + _START_SECS
    while time.monotonic() < end:
        assert server.poll() is None, f"forgejo ended at once: {log.read_text(errors='replace')[-_SHOWN_CHARS:]}"
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")
