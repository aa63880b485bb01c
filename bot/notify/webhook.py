"""A webhook of the operator's own: JSON, signed, with an id by which a repeated one can be dropped."""

import hashlib
import hmac
import json

from bot.notify import http
from bot.notify.message import Message


def send(url: str, secret: str, message: Message, now: float, ca_file: str = "") -> None:
    """Raises Unavailable, Refused."""
    body = payload(message)
    stamp = str(int(now))
    headers = {
        "Agent-Fleet-Notification": message.id,
        "Agent-Fleet-Timestamp": stamp,
        "Agent-Fleet-Signature": signature(secret, stamp, body),
    }
    http.post(url, body, headers, ca_file)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the HMAC of timestamp, a dot and the body: an old request cannot be passed off as new."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def payload(message: Message) -> bytes:
    notice = message.notice
    said = {
        "version": 1,
        "id": message.id,
        "kind": notice.kind.value,
        "severity": notice.severity.value,
        "at": int(message.made_at),
        "title": notice.title,
        "text": notice.text,
        "url": notice.url,
        "task_id": notice.task_id,
    }
    return json.dumps(said, ensure_ascii=False).encode()
