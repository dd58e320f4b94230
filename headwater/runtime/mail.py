"""How does mail leave?  The port, and an SMTP client behind it.

Guarantee: what `send` returned for was taken over by the mail server for every recipient. Price: when nobody
can tell, the mail may be sent twice; its id stays the same, by which readers and servers know it again.
"""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import aiosmtplib

from headwater.domain.errors import Refused, Unavailable
from headwater.runtime.clock import Clock, moment
from headwater.runtime.settings import SmtpSettings


class MailUnavailable(Unavailable):
    """The mail server did not answer, or not now: the same mail may be sent later."""


class MailRefused(Refused):
    """The mail server will never take this mail, or not from us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of plain text."""

    id: str  # the same whenever it is the same mail
    to: tuple[str, ...]
    subject: str
    text: str


class Mailer(Protocol):
    """Who takes mail. Safe to call from several tasks at once."""

    @property
    def is_configured(self) -> bool:
        """Whether there is a mail server at all."""
        ...

    async def send(self, mail: Mail) -> None:
        """Hand in one mail, in bounded time. Raises MailUnavailable, MailRefused."""
        ...


class SmtpMailer:
    """A mail server, over a connection for each mail."""

    def __init__(self, smtp: SmtpSettings, clock: Clock) -> None:
        self._smtp = smtp
        self._clock = clock

    @property
    def is_configured(self) -> bool:
        return bool(self._smtp.host)

    async def send(self, mail: Mail) -> None:
        smtp = self._smtp
        try:
            refused, _ = await aiosmtplib.send(
                self._message(mail),
                sender=smtp.sender,
                recipients=list(mail.to),
                hostname=smtp.host,
                port=smtp.port,
                username=smtp.user or None,
                password=smtp.password or None,
                use_tls=smtp.security == "tls",
                start_tls=smtp.security == "starttls",
                timeout=smtp.timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            raise _failure(max(codes, default=0), error) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _failure(error.code, error) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailUnavailable(f"no mail server at {smtp.host}:{smtp.port}: {error!r}") from error
        if refused:
            raise MailRefused(f"the mail server refused the recipients {', '.join(sorted(refused))}")

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._smtp.sender
        message["To"] = ", ".join(mail.to)
        message["Subject"] = " ".join(mail.subject.split())  # a line end would begin another header
        message["Date"] = format_datetime(moment(self._clock.now_us()))
        message["Message-ID"] = f"<{mail.id}@{self._smtp.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _failure(code: int, error: Exception) -> MailUnavailable | MailRefused:
    """Return our error for a code of the mail server: 5xx is for good."""
    if code >= 500:  # noqa: PLR2004 - RFC 5321, section 4.2.1
        return MailRefused(f"the mail server refused the mail: {error!r}")
    return MailUnavailable(f"the mail server cannot take the mail now: {error!r}")
