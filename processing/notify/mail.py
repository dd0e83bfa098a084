"""Channel ``mail``: to the owner of a recording, in their language and time zone, with a link."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from faults import ReceiverDeclined, ReceiverRefused, ReceiverUnreachable
from policy.people import person
from policy.types import Person
from processing.notify.channel import Progress
from processing.notify.notice import Notice
from processing.notify.owner import identity, other, owner
from processing.notify.wording import Wording, shown
from recorder.states import RecordingState

_NEVER = 500  # a reply from there on is final (RFC 5321 section 4.2.1)
_LABELS = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The mail server, and who we are for it.

    Attributes:
        tls: from the first byte on (RFC 8314). start_tls: by STARTTLS, and not without it (RFC 3207).
        seconds: for each of its answers.
    """

    host: str
    port: int
    tls: bool
    start_tls: bool
    context: ssl.SSLContext
    user: str | None
    password: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Where mails come from, and how they are where a person says nothing else."""

    sender: str
    language: str
    zone: ZoneInfo


class Mail:
    """Mails to the owners of recordings.

    Args:
        people: gives the addresses of users, as the running policy has them.
        clock: seconds since the Unix epoch (UTC).
    """

    name = "mail"
    at_once = 2

    def __init__(self, server: Server, letter: Letter, people: Callable[[], Mapping[str, Person]], *,
                 states: frozenset[RecordingState], clock: Callable[[], float]) -> None:
        self.states = states
        self.patience = 6 * server.seconds  # greeting, TLS, login, sender, recipient, data
        self._server = server
        self._letter = letter
        self._people = people
        self._clock = clock

    async def __aenter__(self) -> Self:
        """As every channel."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        """As every channel."""

    async def send(self, notice: Notice, progress: Progress) -> str:  # noqa: ARG002 - one mail is sent or not
        """Send the owner a mail. A reply that is final (RFC 5321) about the mail itself is not tried again."""
        leg = owner(notice.kept.call)
        if leg is None:
            return "nobody to tell: none of our users owns it"
        told = person(self._people(), identity(leg))
        if told is None:
            return "nobody to tell: the owner has no address in the policy"
        message = compose(notice, told, self._letter, now=self._clock())
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host, port=server.port, use_tls=server.tls, start_tls=server.start_tls,
            tls_context=server.context, timeout=server.seconds,
            username=server.user, password=server.password,
            # Otherwise a name server is asked for it, in the loop.
            local_hostname=_own_name())
        try:
            async with client:
                await client.send_message(message, sender=self._letter.sender, recipients=[told.mail])
        except (SMTPException, OSError, ValueError) as error:
            raise _fault(error, server.host) from error
        return "sent"


def compose(notice: Notice, told: Person, letter: Letter, *, now: float) -> EmailMessage:
    """The mail. Its headers hold our words, what an administrator wrote, ids and times; nothing of a caller.

    The same notice has the same Message-ID at each attempt, so that a mail server can drop the second one.
    """
    call, recording = notice.kept.call, notice.kept.recording
    try:
        wording = Wording.load(told.language or letter.language)
    except KeyError:
        wording = Wording.load(letter.language)
    zone = ZoneInfo(told.time_zone) if told.time_zone else letter.zone
    leg = owner(call)
    partner = other(call, leg) if leg is not None else None
    state = notice.state.value
    began = wording.when(recording.started or recording.created, zone)
    message = EmailMessage(policy=SMTP)
    message["From"] = letter.sender
    message["To"] = told.mail
    message["Subject"] = wording.subject(state, began)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{notice.id}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice comes back
    message.set_content(wording.text(state, {
        "began": began, "length": wording.length(notice.seconds), "recording": recording.id,
        "other": shown(partner) if partner is not None else "",
        "link": notice.link or "", "reasons": " ".join(notice.reasons)}), cte="quoted-printable")
    message["Content-Language"] = wording.tag
    return message


def _own_name() -> str:
    name = socket.gethostname()
    return name if _LABELS.fullmatch(name) else "localhost"


def _fault(error: Exception, host: str) -> ReceiverUnreachable | ReceiverRefused | ReceiverDeclined:
    """What the library raised, without what the server said: that may quote the mail."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, SMTPSenderRefused | SMTPRecipientRefused | SMTPDataError) and error.code >= _NEVER:
        about = {SMTPSenderRefused: "the sender", SMTPRecipientRefused: "the recipient"}.get(type(error), "the mail")
        return ReceiverDeclined(f"{host} refuses {about} for good ({error.code}).", status=error.code)
    if isinstance(error, SMTPAuthenticationError):
        return ReceiverRefused(f"{host} refuses our user and password ({error.code}).", status=error.code)
    if isinstance(error, SMTPResponseException):
        return ReceiverRefused(f"{host} answered {error.code}.", status=error.code)
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return ReceiverUnreachable(f"The certificate of {host} is not trusted.")
    return ReceiverUnreachable(f"{host} cannot be reached: {type(error).__name__}.")
