"""E-mail by SMTP. Plain text; marked as written by a machine, so that no auto-reply answers it."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from bot.core import cleaning
from bot.core import notice_text as text
from bot.core.errors import Refused, Unavailable
from bot.notify import trust
from bot.notify.message import TIMEOUT_SECS, Message


@dataclass(frozen=True)
class MailServer:
    """``tls`` is starttls, tls or none; ``user`` "" = no log-in; ``ca_file`` "" = the usual certificates."""

    host: str
    port: int
    tls: str
    user: str
    password: str
    ca_file: str = ""


def send(server: MailServer, sender: str, to: Sequence[str], message: Message) -> tuple[str, ...]:
    """Returns the addressees that the server does not take, when it takes others: those have it now.

    Raises Unavailable for what may be better later (4xx, no answer), Refused (5xx).
    """
    where = f"{server.host}:{server.port}"
    try:
        with _connected(server, where) as smtp:
            if server.user:
                smtp.login(server.user, server.password)
            return tuple(smtp.send_message(letter(sender, to, message), sender, list(to)))
    except smtplib.SMTPRecipientsRefused as problem:
        raise _refusal(where, max(code for code, _ in problem.recipients.values())) from None
    except smtplib.SMTPResponseException as problem:
        raise _refusal(where, problem.smtp_code) from None  # its words may repeat what we sent
    except ssl.SSLError:
        raise Unavailable(text.not_private(where), ambiguous=True) from None
    except (smtplib.SMTPException, OSError, ValueError) as problem:
        why = cleaning.one_line(str(problem.strerror or "") if isinstance(problem, OSError) else "", 100)
        raise Unavailable(text.no_answer(where, why or type(problem).__name__), ambiguous=True) from None


def letter(sender: str, to: Sequence[str], message: Message) -> EmailMessage:
    """The whole e-mail. The library refuses a line end in a header; the title is one line before that already."""
    notice = message.notice
    made = EmailMessage()
    made["From"] = sender
    made["To"] = ", ".join(to)
    made["Subject"] = cleaning.one_line(notice.title, 200)
    made["Date"] = format_datetime(datetime.fromtimestamp(message.made_at, UTC))
    made["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"  # the same each time it is tried
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["X-Agent-Fleet-Kind"] = notice.kind.value
    parts = [notice.text, notice.url, f"-- \n{text.footer(message.destination)}"]
    made.set_content("\n\n".join(part for part in parts if part) + "\n")
    return made


@contextlib.contextmanager
def _connected(server: MailServer, where: str) -> Iterator[smtplib.SMTP]:
    context = trust.context(server.ca_file)
    if server.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECS)
    try:
        if server.tls == "starttls":
            smtp.ehlo()
            if not smtp.has_extn("starttls"):
                raise Refused(text.mail_needs_tls(where), "", 502, "notification_refused")
            smtp.starttls(context=context)
        yield smtp
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):  # taken is taken, however we part
            smtp.quit()
        smtp.close()


def _refusal(where: str, code: int) -> Refused | Unavailable:
    if 400 <= code < 500:
        return Unavailable(text.mail_refused(where, code))
    return Refused(text.mail_refused(where, code), "", 502, "notification_refused")
