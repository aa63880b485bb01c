"""The settings of ``[[notify]]``: who is told what outside of the forge."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.core import notice_text as text
from bot.core import notices, operator_text
from bot.core.errors import Refused
from bot.core.notices import Kind, Notice, Quiet, Severity
from bot.settings.values import Identifier, Phrase, Port, Section, WebAddress, host, impossible, once_each, variable

#: One address, without a name: nothing in it can end a header or name a second one.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LARGEST_SECRET: Final = 64 * 1024


def _address(value: str) -> str:
    if value and not _ADDRESS.fullmatch(value):
        raise impossible(text.bad_address())
    return value


def _window(value: str) -> str:
    if value and notices.hours(value) is None:
        raise impossible(text.bad_window())
    return value


def _zone(value: str) -> str:
    if notices.zone(value) is None:
        raise impossible(text.bad_zone())
    return value


def _variable_or_none(value: str) -> str:
    return variable(value) if value else value


def _server(value: str) -> str:
    return host(value) if value else value


Address = Annotated[str, AfterValidator(_address)]
What = Literal["question", "failed", "host", "budget", "forge", "recovered"]


class NotifyEntry(Section):
    """Somebody who is told what happens: a webhook of yours, an e-mail address, or a topic of ntfy."""

    name: Identifier
    """Name of this destination; unique."""
    kind: Literal["webhook", "email", "ntfy"]
    """How it is told: a signed HTTP request, an e-mail, or a message to a topic of ntfy."""
    url: WebAddress = ""
    """Kinds `webhook` and `ntfy`: the address; of ntfy with the topic, such as `https://ntfy.sh/my-fleet`."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """Least urgent kind that is sent. Critical: host, forge; warning: question, failed, budget; info: recovered."""
    events: Annotated[list[What], AfterValidator(once_each)] = Field(default_factory=list)
    """Only these: `question`, `failed`, `host`, `budget`, `forge`, `recovered`. Empty: all."""
    quiet: Annotated[str, AfterValidator(_window)] = ""
    """Hours in which it stays quiet, such as `22:00-07:00`; what comes then is sent at their end. Empty: none."""
    quiet_unless: Literal["warning", "critical"] = "critical"
    """What is sent in quiet hours all the same."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Time zone of the quiet hours, such as `Europe/Berlin`."""
    secret: Phrase = SecretStr("")
    """Key that signs webhooks, password of the mail account, or access token of ntfy."""
    secret_file: str = ""
    """File with that secret; a bare name is looked for in `$CREDENTIALS_DIRECTORY`."""
    secret_env: Annotated[str, AfterValidator(_variable_or_none)] = ""
    """Variable with that secret."""
    ca_file: str = ""
    """File with the certificates to trust for it, when it has one of your own. Empty: the usual ones."""
    smtp_host: Annotated[str, AfterValidator(_server)] = ""
    """Kind `email`: the mail server."""
    smtp_port: Port = 587
    """Its port; 465 with `smtp_tls = "tls"`."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is kept private. A password is never sent without, but to this machine."""
    smtp_user: str = ""
    """Account to log in with, whose password is the secret. Empty: without a log-in."""
    sender: Address = ""
    """Kind `email`: address it comes from."""
    to: Annotated[list[Address], AfterValidator(once_each)] = Field(default_factory=list)
    """Kind `email`: addresses it goes to."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        mail = self.kind == "email"
        for key in ("smtp_host", "sender", "to"):
            if mail and not getattr(self, key):
                raise impossible(text.needed_for("email"), "", key)
            if not mail and getattr(self, key):
                raise impossible(text.not_for(self.kind), "", key)
        if mail and self.url:
            raise impossible(text.not_for("email"), "", "url")
        if not mail and not self.url:
            raise impossible(text.needed_for(self.kind), "", "url")
        if self.kind == "ntfy" and not _TOPIC.fullmatch(self.topic):
            raise impossible(text.no_topic(), "", "url")
        return self

    @model_validator(mode="after")
    def _secret_fits(self) -> Self:
        given = [bool(self.secret.get_secret_value()), bool(self.secret_file), bool(self.secret_env)]
        if sum(given) > 1:
            raise impossible(text.one_secret(), "", "secret")
        if self.kind == "webhook" and not any(given):
            raise impossible(text.needed_for("webhook"), "", "secret")
        if self.kind == "email":
            if bool(self.smtp_user) != any(given):
                raise impossible(text.needed_for("email"), "", "secret" if self.smtp_user else "smtp_user")
            if any(given) and self.smtp_tls == "none" and self.smtp_host not in _LOOPBACK:
                raise impossible(text.password_without_tls(), "", "smtp_tls")
        return self

    @property
    def topic(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def quiet_hours(self) -> Quiet | None:
        window, zone = notices.hours(self.quiet), notices.zone(self.timezone)
        return Quiet(*window, zone, Severity(self.quiet_unless)) if window and zone else None

    def wants(self, notice: Notice) -> bool:
        if notice.kind is Kind.TEST:
            return True
        return notice.severity.rank >= Severity(self.severity).rank and (
            not self.events or notice.kind.value in self.events
        )

    def read_secret(self, env: Mapping[str, str] = os.environ) -> str:
        """The secret as it is now, "" when there is none. Raises Refused when it cannot be read."""
        if self.secret_env:
            if not env.get(self.secret_env):
                raise Refused(text.secret_missing(self.secret_env), text.set_the_variable(self.secret_env))
            return env[self.secret_env]
        if not self.secret_file:
            return self.secret.get_secret_value()
        path = Path(self.secret_file)
        if len(path.parts) == 1 and env.get("CREDENTIALS_DIRECTORY"):
            path = Path(env["CREDENTIALS_DIRECTORY"]) / path
        try:
            with path.open("rb") as file:
                found = file.read(_LARGEST_SECRET).decode().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or "") if isinstance(error, OSError) else operator_text.not_text()
            raise Refused(text.secret_unreadable(str(path), why), operator_text.check_the_file()) from error
        if not found:  # a webhook would be signed with a key that everybody knows
            raise Refused(text.secret_empty(str(path)), operator_text.check_the_file())
        return found
