"""Looking at pages without a browser: who looks, and what they see."""

from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bot.store import tokens, web_sessions
from bot.store.web_sessions import WebSession
from tests.unit.web.conftest import Api

#: As browsers send it with every request from a page of ours.
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


class Looker:
    """Somebody with a browser. ``login`` "" = an operator with an admin token."""

    def __init__(self, api: Api, login: str = "", account_id: int = 0) -> None:
        self._api = api
        self.client: FlaskClient = api.client.application.test_client()
        at = api.fleet.clock()
        if login:
            session = WebSession(web_sessions.FORGE, account_id, login, "", at, at)
        else:
            session = WebSession(web_sessions.TOKEN, 0, "ops", api.token("admin")[: tokens.PREFIX_CHARS], at, at)
        secret = api.fleet.store.write(lambda sql: web_sessions.open_one(sql, session))
        self.client.set_cookie("agent-fleet-9090", secret)

    def sends(self, path: str, fields: dict[str, str]) -> TestResponse:
        """A form, as browsers send it from a page of ours."""
        self._alone()
        return self.client.post(path, data=fields, headers=FROM_HERE)

    def _alone(self) -> None:
        self._api.client._context_stack.close()  # the client of the API keeps what was known of its last request

    def get(self, path: str, **headers: str) -> TestResponse:
        self._alone()
        return self.client.get(path, headers=headers, buffered=False)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def reads(self, path: str) -> str:
        """The words of a page, with single spaces."""
        return words(self.page(path))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "code":
            self.said.append(" ")

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def words(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    return " ".join("".join(reader.said).split())


def events(answer: Any, count: int) -> list[dict[str, str]]:
    """The next ``count`` events of a stream, each with its fields."""
    found: list[dict[str, str]] = []
    for chunk in answer.response:
        text = chunk.decode() if isinstance(chunk, bytes) else chunk
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if ": " in line)
        if "event" in fields:
            found.append(fields)
        if len(found) == count:
            break
    return found
