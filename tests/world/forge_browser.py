"""Somebody's browser at a forge, real or stand-in: signs in there and allows applications."""

import html
import re
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

_SECS: Final = 30


class ForgeBrowser:
    """Keeps the forge's cookies; follows what the forge says up to the moment it sends the browser elsewhere."""

    def __init__(self, url: str, login: str = "", password: str = "") -> None:
        self._url, self._session = url, requests.Session()
        self._session.trust_env = False
        if login:
            self.signs_in(login, password)

    def signs_in(self, login: str, password: str) -> None:
        who = {"user_name": login, "password": password}
        entered = self._session.post(f"{self._url}/user/login", data=who, timeout=_SECS, allow_redirects=False)
        assert entered.status_code == 303, entered.text[:500]

    def goes_to(self, page: str) -> requests.Response:
        return self._session.get(page, timeout=_SECS, allow_redirects=False)

    def authorizes(self, page: str, *, granted: bool = True) -> dict[str, str]:
        """What the forge tells the application at ``page``'s redirect URI, consenting when it is asked."""
        answer = self.goes_to(page)
        if answer.status_code == 200:
            answer = self._consents(answer.text, granted)
        assert answer.status_code in (302, 303), (answer.status_code, answer.text[:500])
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def _consents(self, page: str, granted: bool) -> requests.Response:
        form = next(part for part in page.split("<form")[1:] if "/login/oauth/grant" in part)
        fields = {}
        for tag in re.findall(r"<input[^>]*>", form.partition("</form>")[0]):
            found = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
            fields[found["name"]] = html.unescape(found.get("value", ""))
        fields["granted"] = "true" if granted else "false"
        where = urljoin(self._url, "/login/oauth/grant")
        return self._session.post(where, data=fields, timeout=_SECS, allow_redirects=False)

    def close(self) -> None:
        self._session.close()
