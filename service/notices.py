"""Telling people, wired: the channels that the settings name, run beside everything else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import SystemRandom
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog

from faults import SettingsInvalid
from ledger import Ledger, deliveries
from ledger.changes import What, what
from policy.types import Person
from processing.notify import aside, signing, web
from processing.notify.amqp import Amqp
from processing.notify.channel import Channel
from processing.notify.mail import Letter, Mail, Server
from processing.notify.mattermost import Mattermost
from processing.notify.sender import Rules, Sender
from processing.notify.teller import Teller
from processing.notify.webhook import Webhook
from processing.stores import Store
from service.clock import Clock
from service.notice_settings import (
    AmqpSettings,
    MailSettings,
    MattermostSettings,
    NoticeSettings,
    Security,
    WebhookSettings,
)
from service.secret_files import lines
from service.settings import Settings

log = structlog.get_logger("notices")

People = Callable[[], Mapping[str, Person]]

_AGAIN_AFTER_S = 30.0
_KEPT_S = 30 * 86_400.0


def channels(settings: NoticeSettings, zone: ZoneInfo, people: People, stores: Mapping[str, Store],
             clock: Callable[[], float]) -> list[Channel]:
    """The channels of the settings, with the secrets that they name.

    Raises:
        SettingsInvalid: a file with a secret or with authorities cannot be read, or does not hold one.
    """
    made: list[Channel] = [_webhook(name, one, clock) for name, one in settings.webhooks.items()]
    if settings.mail is not None:
        made.append(_mail(settings.mail, zone, people, clock))
    if settings.mattermost is not None:
        made.append(_mattermost(settings.mattermost, zone, stores))
    if settings.amqp is not None:
        made.append(_amqp(settings.amqp))
    return made


def notices_of(settings: Settings, ledger: Ledger, people: People, stores: Mapping[str, Store],
               clock: Clock) -> Notices:
    """The notices of a service.

    Args:
        people: gives the addresses of the running policy.
        stores: where finished files are, by their names.

    Raises:
        SettingsInvalid: as :func:`channels`.
    """
    random = SystemRandom()
    told = channels(settings.notices, ZoneInfo(settings.time_zone), people, stores, clock.at)
    rules = Rules(attempts=settings.notices.attempts, link_template=settings.notices.link_template)
    return Notices(ledger, told, rules, owner=f"{random.getrandbits(32):08x}", clock=clock, jitter=random.random)


class Notices:
    """Tells whoever the settings name of each change of a recording.

    All of it runs in a thread and an event loop of its own: nothing that a receiver does, or does not, holds up a call
    or a job.

    Args:
        owner: a name that no other service has or had.
        jitter: numbers from 0 to 1.
    """

    def __init__(self, ledger: Ledger, told: list[Channel], rules: Rules, *, owner: str, clock: Clock,
                 jitter: Callable[[], float]) -> None:
        self._ledger = ledger
        self._channels = told
        self._rules = rules
        self._owner = owner
        self._clock = clock
        self._jitter = jitter

    async def run(self) -> None:
        """Tell until cancelled. Should it break, it is begun again."""
        while self._channels:
            try:
                await aside.run(self._beside)
            except Exception as error:
                log.exception("telling people broke; it is begun again", error=type(error).__name__)
            await self._clock.wait(asyncio.Event(), _AGAIN_AFTER_S)

    async def _beside(self) -> None:
        threads = ThreadPoolExecutor(2, thread_name_prefix="notices")
        try:
            senders = {channel.name: Sender(
                self._ledger, channel, self._rules, owner=f"{self._owner}-{channel.name}",
                clock=self._clock.at, jitter=self._jitter, threads=threads) for channel in self._channels}
            teller = Teller(self._ledger, {channel.name: channel.states for channel in self._channels},
                            told=lambda name: senders[name].notify(), clock=self._clock.at, threads=threads)
            async with asyncio.TaskGroup() as group:
                for sender in senders.values():
                    group.create_task(sender.run())
                group.create_task(teller.run())
        finally:
            threads.shutdown(wait=False)

    async def forget(self) -> None:
        """Take away the notices that have been told for a month. What has failed stays."""
        def work() -> None:
            with self._ledger.transaction() as connection:
                deliveries.forget(connection, self._clock.at() - _KEPT_S)

        await asyncio.to_thread(work)


def _told(words: Iterable[str]) -> frozenset[What]:
    return frozenset(map(what, words))


def _webhook(name: str, settings: WebhookSettings, clock: Callable[[], float]) -> Webhook:
    key = f"notices.webhooks.{name}"
    keys = []
    for line in lines(settings.secret_file, f"{key}.secret_file"):
        try:
            keys.append(signing.secret(line))
        except ValueError as error:
            raise SettingsInvalid(f"{settings.secret_file}: {error}.", file=str(settings.secret_file),
                                  key=f"{key}.secret_file") from None
    return Webhook(name, settings.url, keys, states=_told(settings.states), context=_trust(settings.ca_file, key),
                   seconds=settings.timeout, clock=clock)


def _mail(settings: MailSettings, zone: ZoneInfo, people: People, clock: Callable[[], float]) -> Mail:
    key = "notices.mail"
    password = lines(settings.password_file, f"{key}.password_file")[0] if settings.password_file else None
    server = Server(host=settings.host, port=settings.port, tls=settings.security is Security.TLS,
                    start_tls=settings.security is Security.STARTTLS, context=_trust(settings.ca_file, key),
                    user=settings.user, password=password, seconds=settings.timeout)
    letter = Letter(sender=settings.sender, language=settings.language, zone=zone)
    return Mail(server, letter, people, states=frozenset(settings.states), clock=clock)


def _mattermost(settings: MattermostSettings, zone: ZoneInfo, stores: Mapping[str, Store]) -> Mattermost:
    key = "notices.mattermost"
    return Mattermost(settings.url, lines(settings.token_file, f"{key}.token_file")[0], settings.channel, stores,
                      kinds=settings.files, zone=zone, states=_told(settings.states),
                      context=_trust(settings.ca_file, key), seconds=settings.timeout)


def _amqp(settings: AmqpSettings) -> Amqp:
    key = "notices.amqp"
    password = lines(settings.password_file, f"{key}.password_file")[0]
    scheme = "amqps" if settings.tls else "amqp"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = (f"{scheme}://{quote(settings.user, safe='')}:{quote(password, safe='')}@{host}:{settings.port}/"
           f"{quote(settings.virtual_host, safe='')}")
    return Amqp(url, exchange=settings.exchange, routing_key=settings.routing_key, states=_told(settings.states),
                context=_trust(settings.ca_file, key), seconds=settings.timeout)


def _trust(file: Path | None, key: str) -> ssl.SSLContext:
    try:
        return web.trust(file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsInvalid(f"The file {file} cannot be read, or holds no certificate in PEM.", file=str(file),
                              key=f"{key}.ca_file") from error
