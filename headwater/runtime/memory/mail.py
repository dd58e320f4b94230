"""What was mailed?  The mailer's twin: a list."""

from headwater.runtime.mail import Mail, MailRefused, MailUnavailable


class MemoryMailer:
    """Takes every mail; `available = False` plays a server that is away, `refuses` one that never will."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.available = True
        self.refuses: set[str] = set()  # recipients

    @property
    def is_configured(self) -> bool:
        return True

    async def send(self, mail: Mail) -> None:
        if not self.available:
            raise MailUnavailable("the mail server in memory is switched off")
        if refused := sorted(self.refuses & set(mail.to)):
            raise MailRefused(f"the mail server refused the recipients {', '.join(refused)}")
        self.sent.append(mail)
