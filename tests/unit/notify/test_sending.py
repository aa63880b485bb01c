"""What really goes over the wire, to a real SMTP server and real HTTP servers on loopback."""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.core.errors import Refused, Unavailable
from bot.core.notices import Kind, Notice
from bot.notify import mail, ntfy, webhook
from bot.notify.mail import MailServer
from bot.notify.message import Message
from bot.standin.serve import serve

NOTICE = Notice(
    Kind.FAILED, "failed:t_1:4", "ann/lab#7: failed for good", "It has failed.", "http://f/ann/lab/issues/7"
)


def message(notice: Notice = NOTICE) -> Message:
    return Message("0123abcd", "ops", notice, 1_764_000_000.0)


class Mailbox:
    """Takes or refuses what comes, and keeps it."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.says = "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        if self.says.startswith("250"):
            self.envelopes.append(envelope)
        return self.says

    def letter(self) -> EmailMessage:
        [envelope] = self.envelopes
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


class _Anywhere(Controller):
    """On a port that the kernel chooses; the library would ask port 0 whether it is there."""

    def _trigger_server(self) -> None:
        with socket.create_connection(("127.0.0.1", self.bound), timeout=10) as first:
            if self.ssl_context is None:
                assert first.recv(64).startswith(b"220 ")
                return
            anyone = ssl.create_default_context()
            anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
            with anyone.wrap_socket(first) as private:
                assert private.recv(64).startswith(b"220 ")

    @property
    def bound(self) -> int:
        assert isinstance(self.server, asyncio.Server)
        return int(self.server.sockets[0].getsockname()[1])


@contextmanager
def smtp(box: Mailbox, **more: Any) -> Iterator[int]:
    controller = _Anywhere(box, hostname="127.0.0.1", port=0, **more)
    controller.start()
    try:
        yield controller.bound
    finally:
        controller.stop()


def server(port: int, tls: str = "none", user: str = "", password: str = "") -> MailServer:
    return MailServer("127.0.0.1", port, tls, user, password)


def test_an_email_arrives_at_everyone_and_says_that_a_machine_wrote_it() -> None:
    box = Mailbox()
    with smtp(box) as port:
        mail.send(server(port), "fleet@example.org", ["ann@example.org", "bob@example.org"], message())
    letter = box.letter()
    assert box.envelopes[0].rcpt_tos == ["ann@example.org", "bob@example.org"]
    assert letter["Subject"] == "ann/lab#7: failed for good"
    assert letter["Message-ID"] == "<0123abcd@example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "It has failed.\n\nhttp://f/ann/lab/issues/7\n" in letter.get_content().replace("\r\n", "\n")


def test_a_title_cannot_become_a_header() -> None:
    box = Mailbox()
    bad = Notice(Kind.HOST, "c", "Host x\r\nBcc: eve@example.org\r\n\r\nhello", "one\n.\nRCPT TO:<eve@example.org>", "")
    with smtp(box) as port:
        mail.send(server(port), "fleet@example.org", ["ann@example.org"], message(bad))
    letter = box.letter()
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Host x Bcc: eve@example.org hello"
    assert box.envelopes[0].rcpt_tos == ["ann@example.org"]
    assert "one\n.\nRCPT" in letter.get_content().replace("\r\n", "\n"), "a dot ends the text of nothing"


@pytest.mark.filterwarnings("ignore:Session.login_data")  # the library warns of its own ways
def test_it_logs_in_and_a_wrong_password_is_a_no() -> None:
    box = Mailbox()

    tried: list[bytes] = []

    def check(_s: object, _e: object, _n: object, _m: object, data: LoginPassword) -> AuthResult:
        tried.append(data.login)
        return AuthResult(success=data.password == b"right", handled=False)

    with smtp(box, authenticator=check, auth_require_tls=False) as port:
        mail.send(server(port, user="fleet", password="right"), "f@example.org", ["a@example.org"], message())
        with pytest.raises(Refused, match="refused with 535") as caught:
            mail.send(server(port, user="fleet", password="wr0ng"), "f@example.org", ["a@example.org"], message())
    assert "wr0ng" not in str(caught.value)
    assert (len(box.envelopes), set(tried)) == (1, {b"fleet"})


@pytest.mark.parametrize(
    ("says", "error", "words"), [("451 later", Unavailable, "with 451"), ("554 no", Refused, "with 554")]
)
def test_a_mail_server_that_says_later_is_asked_again(says: str, error: type[Exception], words: str) -> None:
    box = Mailbox()
    box.says = says
    with smtp(box) as port, pytest.raises(error, match=words):
        mail.send(server(port), "f@example.org", ["a@example.org"], message())


def test_what_was_taken_is_sent_however_the_server_says_goodbye() -> None:
    class Rude(Mailbox):
        async def handle_QUIT(self, *_: object) -> str:  # noqa: N802
            return "421 shutting down"

    box = Rude()
    with smtp(box) as port:
        mail.send(server(port), "f@example.org", ["a@example.org"], message())
    assert len(box.envelopes) == 1, "no error, so it is not sent again"


def test_an_address_that_is_not_taken_is_named_and_the_others_have_it() -> None:
    class Choosy(Mailbox):
        async def handle_RCPT(self, _s: object, _e: object, envelope: Envelope, to: str, _o: object) -> str:  # noqa: N802
            if to.startswith("gone@"):
                return "550 no such mailbox"
            envelope.rcpt_tos.append(to)
            return "250 OK"

    box, both = Choosy(), ["gone@example.org", "ann@example.org"]
    with smtp(box) as port:
        assert mail.send(server(port), "f@example.org", both, message()) == ("gone@example.org",)
        with pytest.raises(Refused, match="with 550"):
            mail.send(server(port), "f@example.org", both[:1], message())
    assert [one.rcpt_tos for one in box.envelopes] == [["ann@example.org"]]


def test_nothing_is_sent_in_the_clear_where_starttls_is_wanted() -> None:
    box = Mailbox()
    with smtp(box) as port, pytest.raises(Refused, match="offers no STARTTLS"):
        mail.send(server(port, tls="starttls"), "f@example.org", ["a@example.org"], message())
    with pytest.raises(Unavailable, match="cannot be reached"):
        mail.send(server(1), "f@example.org", ["a@example.org"], message())
    assert not box.envelopes


@dataclass(frozen=True)
class Identity:
    """``certificate``: a PEM file that is good for 127.0.0.1 and signed by itself."""

    certificate: str
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a throwaway")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return Identity(str(folder / "ca.pem"), context)


@pytest.mark.filterwarnings("ignore:Session.login_data")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_goes_through_tls_to_whom_the_certificate_names(identity: Identity, tls: str) -> None:
    box = Mailbox()
    seen: list[bool] = []

    def check(_s: object, session: Any, *_more: object) -> AuthResult:
        seen.append(session.ssl is not None or tls == "tls")
        return AuthResult(success=True)

    how = {"tls_context": identity.context} if tls == "starttls" else {"ssl_context": identity.context}
    with smtp(box, authenticator=check, auth_require_tls=tls == "starttls", **how) as port:
        trusting = MailServer("127.0.0.1", port, tls, "fleet", "right", identity.certificate)
        mail.send(trusting, "f@example.org", ["a@example.org"], message())
        for stranger in (replace(trusting, ca_file=""), replace(trusting, ca_file="", tls="tls")):
            with pytest.raises(Unavailable, match="its certificate is not trusted"):
                mail.send(stranger, "f@example.org", ["a@example.org"], message())
    assert box.letter()["Subject"] == "ann/lab#7: failed for good"
    assert seen == [True], "the password goes to nobody whose certificate is not trusted"


def test_a_private_authority_for_http(identity: Identity, tmp_path: Path) -> None:
    place = Place()
    server = make_server("127.0.0.1", 0, place, ssl_context=identity.context, request_handler=Silent)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"https://127.0.0.1:{server.server_port}/fleet"
    try:
        webhook.send(url, "s3cret", message(), 1.0, identity.certificate)
        ntfy.send(url, "", message(), identity.certificate)
        with pytest.raises(Unavailable, match="set ca_file"):
            webhook.send(url, "s3cret", message(), 1.0)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [request.path for request, _ in place.requests] == ["/fleet", "/"]
    (tmp_path / "no.pem").write_text("no certificate")
    for name in ("no.pem", "missing.pem"):
        with pytest.raises(Refused, match=name):
            ntfy.send(url, "", message(), str(tmp_path / name))


class Silent(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        return


class Place:
    """An HTTP server of somebody's that answers ``status``."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.requests: list[tuple[Request, bytes]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.requests.append((request, request.get_data()))
        return Response("no matter", self.status, self.headers)(environ, start_response)


def test_a_webhook_is_signed_with_its_time() -> None:
    place = Place()
    with serve(place) as url:
        webhook.send(f"{url}/hook", "s3cret", message(), 1_764_000_123.7)
    [(request, body)] = place.requests
    mac = hmac.new(b"s3cret", b"1764000123." + body, hashlib.sha256).hexdigest()
    assert request.headers["Agent-Fleet-Signature"] == f"sha256={mac}"
    assert (request.headers["Agent-Fleet-Timestamp"], request.headers["Agent-Fleet-Notification"]) == (
        "1764000123", "0123abcd",
    )  # fmt: skip
    assert json.loads(body) == {
        "version": 1,
        "id": "0123abcd",
        "kind": "failed",
        "severity": "warning",
        "at": 1764000000,
        "title": "ann/lab#7: failed for good",
        "text": "It has failed.",
        "url": "http://f/ann/lab/issues/7",
        "task_id": "",
    }


def test_ntfy_gets_everything_in_the_body() -> None:
    place = Place()
    bad = Notice(Kind.FORGE, "c", "Title\r\nActions: http, x, https://evil", "text\nPriority: 1", "")
    with serve(place) as url:
        ntfy.send(f"{url}/sub/my-fleet", "tk_abc", message(bad))
    [(request, body)] = place.requests
    said = json.loads(body)
    assert (request.path, said["topic"], said["priority"]) == ("/sub/", "my-fleet", 5)
    assert said["title"].startswith("Title\r\n"), "inside JSON it is a text and no header"
    assert request.headers["Authorization"] == "Bearer tk_abc"
    assert {"Actions", "Priority", "Title", "Markdown"}.isdisjoint(request.headers.keys())


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (Place(500), Unavailable),
        (Place(429, **{"Retry-After": "77"}), Unavailable),
        (Place(404), Refused),
        (Place(302, Location="/elsewhere"), Refused),
    ],
)
def test_who_does_not_take_it_is_told_apart(place: Place, error: type[Exception]) -> None:
    with serve(place) as url, pytest.raises(error) as caught:
        webhook.send(url, "s3cret", message(), 1.0)
    assert len(place.requests) == 1, "redirects are not followed"
    assert str(place.status) in str(caught.value)
    if place.status == 429:
        assert isinstance(caught.value, Unavailable)
        assert caught.value.retry_after == 77


def test_a_topic_does_not_get_into_an_error() -> None:
    with pytest.raises(Unavailable) as caught:
        ntfy.send("http://127.0.0.1:1/secret-topic", "", message())
    assert "secret-topic" not in str(caught.value)


@pytest.mark.parametrize("token", ["tk_s3cret\nabc", "tk_s3cret\u20ac"])
def test_a_token_that_no_header_can_hold_does_not_get_into_an_error(token: str) -> None:
    with serve(Place()) as url, pytest.raises(Unavailable) as caught:
        ntfy.send(f"{url}/topic", token, message())
    assert "s3cret" not in repr(caught.value)
