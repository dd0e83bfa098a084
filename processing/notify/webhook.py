"""Channel ``webhook:NAME``: a signed POST for each change, as Standard Webhooks 1.0.0 has it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from faults import ReceiverDeclined, ReceiverRefused
from ledger.changes import What
from processing.notify import signing, web
from processing.notify.channel import Progress
from processing.notify.notice import Notice
from processing.notify.payload import encoded

_GONE = 410


class Webhook:
    """One endpoint.

    Args:
        url: where it is, as the administrator wrote it.
        keys: what is signed with.
        context: what its certificate is verified with.
        seconds: for an answer.
        clock: seconds since the Unix epoch (UTC).
    """

    at_once = 4

    def __init__(self, name: str, url: str, keys: Sequence[bytes], *, states: frozenset[What],
                 context: ssl.SSLContext, seconds: float, clock: Callable[[], float]) -> None:
        self.name = f"webhook:{name}"
        self.states = states
        self.patience = seconds + 5
        self._url = url
        self._keys = keys
        self._context = context
        self._seconds = seconds
        self._clock = clock

    async def __aenter__(self) -> Self:
        """As every channel."""
        self._client = web.session(self._context, at_once=self.at_once)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        """As every channel."""
        await self._client.close()

    async def send(self, notice: Notice, progress: Progress) -> str:  # noqa: ARG002 - one request is done or not
        """Tell. Any 2xx is a yes; 410 is "never again" (Standard Webhooks); the rest is tried again."""
        body = encoded(notice)
        headers = signing.headers(self._keys, identity=notice.id, at=int(self._clock()), body=body)
        async with web.asking(self._client, "POST", self._url, seconds=self._seconds, data=body,
                              headers={"Content-Type": "application/json", **headers}) as answer:
            status = answer.status
            answer.close()  # its body is not read, however long it is
        host = web.host_of(self._url)
        if status == _GONE:
            raise ReceiverDeclined(f"{host} answered 410: there is no such receiver any more.", status=status)
        if not 200 <= status < 300:
            raise ReceiverRefused(f"{host} answered {status}.", status=status)
        return f"answered {status}"

