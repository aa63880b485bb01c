"""ntfy: everything goes in a JSON body, so that no text can become a header; it is not Markdown either."""

import json
from typing import Final
from urllib.parse import urlsplit

from bot.core.notices import Severity
from bot.notify import http
from bot.notify.message import Message

PRIORITY: Final = {Severity.INFO: 2, Severity.WARNING: 3, Severity.CRITICAL: 5}


def send(url: str, token: str, message: Message, ca_file: str = "") -> None:
    """``url`` ends with the topic. Raises Unavailable, Refused."""
    parts = urlsplit(url)
    folder, _, topic = parts.path.rpartition("/")
    notice = message.notice
    said = {
        "topic": topic,
        "title": notice.title,
        "message": notice.text,
        "priority": PRIORITY[notice.severity],
        "tags": [notice.kind.value],
    } | ({"click": notice.url} if notice.url else {})
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    http.post(f"{parts.scheme}://{parts.netloc}{folder}/", json.dumps(said).encode(), headers, ca_file)
