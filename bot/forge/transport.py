"""httpx requests sent by a `requests` session: one session for pooling and limits, and `responses` can fake it."""

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx
import requests
from requests.adapters import HTTPAdapter

from bot.core import operator_text
from bot.core.errors import Refused

_SKIPPED: Final = {"content-encoding", "content-length", "transfer-encoding", "connection"}

#: Every call says for itself on whose behalf it is made; a cookie from one of them would speak for the next, too.
_NO_COOKIES: Final = DefaultCookiePolicy(allowed_domains=[])


def no_cookies() -> CookieJar:
    """A jar that keeps nothing."""
    return CookieJar(_NO_COOKIES)


class RequestsTransport(httpx.BaseTransport):
    """Redirects are never followed: a renamed repository's 301 would turn a POST into a GET (forge facts 4.4)."""

    def __init__(self, session: requests.Session, timeout_secs: float) -> None:
        self._session = session
        self._timeout = (min(5.0, timeout_secs), timeout_secs)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = self._session.request(
                request.method,
                str(request.url),
                data=request.read() or None,
                headers=dict(request.headers.items()),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.ConnectTimeout as problem:
            raise httpx.ConnectTimeout(str(problem), request=request) from problem
        except requests.Timeout as problem:
            raise httpx.ReadTimeout(str(problem), request=request) from problem
        except requests.ConnectionError as problem:
            raise httpx.ConnectError(str(problem), request=request) from problem
        except requests.RequestException as problem:
            raise httpx.ReadError(str(problem), request=request) from problem
        headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in _SKIPPED]
        return httpx.Response(answer.status_code, headers=headers, content=answer.content, request=request)


def session(*, ca_file: str = "", pool: int = 32) -> requests.Session:
    """A session of our own: no proxies or netrc from the environment, as many kept connections as threads.

    Raises Refused when the certificates in ``ca_file`` cannot be used: requests would say so at the first call only.
    """
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(_NO_COOKIES)
    if ca_file:
        try:
            ssl.create_default_context(cafile=ca_file)
        except OSError as problem:
            reason = operator_text.certificates_unusable(ca_file, problem.strerror or str(problem))
            raise Refused(reason, operator_text.check_ca_file(), 500, "ca_file") from problem
        made.verify = ca_file
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=pool))
    return made
