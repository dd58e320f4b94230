"""What every mailer does: the twin in memory, and an SMTP client before a real server."""

import asyncio
import email
import email.policy
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller

from headwater.runtime.clock import ManualClock
from headwater.runtime.mail import Mail, MailRefused, MailUnavailable, SmtpMailer
from headwater.runtime.memory.mail import MemoryMailer
from headwater.runtime.settings import SmtpSettings

MAIL = Mail(
    id="a1", to=("one@example.org", "two@example.org"), subject="Zürich", text="No data since Übermorgen\n"
)
UNWANTED = "nobody@example.org"

pytestmark = pytest.mark.timeout(30)


class Post:
    """The mail server's side: takes mail for everybody but one."""

    def __init__(self):
        self.envelopes = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802
        if address == UNWANTED:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
        self.envelopes.append(envelope)
        return "250 OK"


class Memory:
    """The twin, as the suite sees it."""

    def __init__(self):
        self.mailer = MemoryMailer()
        self.mailer.refuses.add(UNWANTED)

    def stop(self):
        self.mailer.available = False

    def received(self):
        return [(one.to, one.subject, one.text) for one in self.mailer.sent]


class Smtp:
    """A real server on a free port, and our client."""

    def __init__(self, port):
        self.post = Post()
        self.controller = Controller(self.post, hostname="127.0.0.1", port=port)
        self.controller.start()
        smtp = SmtpSettings(
            host="127.0.0.1", port=port, security="none", sender="headwater@example.org", timeout_s=5
        )
        self.mailer = SmtpMailer(smtp, ManualClock())

    def stop(self):
        if self.controller is not None:
            self.controller.stop()
        self.controller = None

    def messages(self):
        parse = email.message_from_bytes
        return [parse(one.content, policy=email.policy.default) for one in self.post.envelopes]

    def received(self):
        return [
            (tuple(envelope.rcpt_tos), message["Subject"], message.get_content().replace("\r\n", "\n"))
            for envelope, message in zip(self.post.envelopes, self.messages(), strict=True)
        ]


@pytest.fixture(params=["memory", "smtp"])
async def side(request, unused_port):
    side = Memory() if request.param == "memory" else await asyncio.to_thread(Smtp, unused_port)
    yield side
    if isinstance(side, Smtp):
        await asyncio.to_thread(side.stop)


@pytest.fixture
async def unused_port():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_a_mail_arrives_at_all_its_recipients(side):
    """Text and subject in any language."""
    await side.mailer.send(MAIL)

    assert side.received() == [(MAIL.to, MAIL.subject, MAIL.text)]


async def test_a_refused_recipient_is_told(side):
    """Trying again would not help."""
    with pytest.raises(MailRefused):
        await side.mailer.send(replace(MAIL, to=(UNWANTED,)))


async def test_a_server_that_is_away_is_unavailable(side):
    """The same mail may be sent later."""
    await asyncio.to_thread(side.stop)

    with pytest.raises(MailUnavailable):
        await side.mailer.send(MAIL)


async def test_a_title_cannot_add_a_header(unused_port):
    """A subject is one line, whatever a dataset is called; the id is the mail's own."""
    side = await asyncio.to_thread(Smtp, unused_port)
    try:
        await side.mailer.send(replace(MAIL, subject="One\r\nBcc: spy@example.org"))
    finally:
        await asyncio.to_thread(side.stop)

    [message] = side.messages()
    assert message["Bcc"] is None
    assert message["Subject"] == "One Bcc: spy@example.org"
    assert message["Message-ID"] == "<a1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
