"""Requests that carry a secret: to that address only, whatever it answers, and nowhere by way of the environment."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

import bot
from bot.core import cleaning
from bot.core import notice_text as text
from bot.core.errors import Refused, Unavailable
from bot.notify import trust
from bot.notify.message import TIMEOUT_SECS


def post(url: str, body: bytes, headers: Mapping[str, str], ca_file: str = "") -> None:
    """Raises Unavailable when it may be better later (no answer, 408, 429, 5xx), Refused for any other no.

    A redirect is a no: what is signed, or a token, is for the address that was configured. The answer's text is not
    read: it is a stranger's.
    """
    where = urlsplit(url).hostname or url
    if ca_file:
        trust.context(ca_file)  # requests would raise what is no RequestException
    with requests.Session() as session:
        session.trust_env = False
        session.verify = ca_file or True
        try:
            answer = session.post(
                url,
                data=body,
                headers={"User-Agent": f"agent-fleet/{bot.__version__}", "Content-Type": "application/json", **headers},
                timeout=TIMEOUT_SECS,
                allow_redirects=False,
                stream=True,
            )
            answer.close()
        except requests.exceptions.SSLError:
            raise Unavailable(text.not_private(where), ambiguous=True) from None
        except (requests.RequestException, ValueError) as problem:  # ValueError: a token that no header can hold
            why = cleaning.one_line(type(problem).__name__, 100)  # its text may name topic or token, which are secrets
            raise Unavailable(text.no_answer(where, why), ambiguous=True) from None
    status = answer.status_code
    if status >= 500 or status in (408, 425, 429):
        after = answer.headers.get("Retry-After", "")
        raise Unavailable(text.answered(where, status), float(after) if after.isdecimal() and len(after) < 6 else None)
    if status >= 300:
        raise Refused(text.answered(where, status), "", 502, "notification_refused")
