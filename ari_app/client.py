"""ARI over HTTP: one session, operations and the WebSocket of events, with every failure as a fault.

The credentials travel in the Authorization header only, never in a URL. A redirect is never followed: it would carry
them elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ari_app.generated.operations import Operations
from faults import (
    SettingsInvalid,
    SwitchFault,
    SwitchOperationFailed,
    SwitchProtocolBroken,
    SwitchRefused,
    SwitchUnreachable,
)

T = TypeVar("T")

_BLOCK = 64 * 1024
_FAREWELL = 2.0
"""How long the closing of a WebSocket may take, in seconds."""
_SAID = 200
"""How much of Asterisk's own message is kept, in characters."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an Asterisk is, and as whom we come.

    Args:
        url: the base of ARI's paths: ``http://127.0.0.1:8088/ari``.
        user: a user of ari.conf that may write.
        password: its password.
        app: the name of our Stasis application.

    Raises:
        SettingsInvalid: the URL is not http or https, or has credentials in it.
    """

    url: str
    user: str
    password: str = field(repr=False)
    app: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise SettingsInvalid("Asterisk's address has to be http://host:port/ari, without a user or password.")


class Client:
    """One HTTP session with one Asterisk; an async context manager.

    Args:
        address: where, and as whom.
        timeout: of an operation, in seconds; of a download, the longest silence.
        heartbeat: seconds between pings on the WebSocket; without its answer the connection counts as lost.
    """

    def __init__(self, address: Address, *, timeout: float = 5.0, heartbeat: float = 10.0) -> None:
        self.address = address
        self.app = address.app
        self.operations = Operations(self)
        self._base = address.url.rstrip("/")
        self._heartbeat = heartbeat
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._slow = aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        credentials = f"{self.address.user}:{self.address.password}".encode()
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Basic {base64.b64encode(credentials).decode('ascii')}"},
            cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_no_redirect,), timeout=self._timeout)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        """Perform an operation.

        Args:
            path: below ``/ari``, its parts percent-encoded.
            model: reads the answer's JSON; an answer without a body is None.

        Raises:
            SwitchUnreachable: no answer, or not in time.
            SwitchRefused: 401 or 403.
            SwitchOperationFailed: another error status, in ``details["status"]``.
            SwitchProtocolBroken: an answer that is not what Asterisk documents.
        """
        try:
            async with self._open().request(method, self._url(path), params=query, json=body) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            raise _unreachable(broken) from broken
        return answer(response.status, path, content, model)

    async def download(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in blocks of at most 64 KiB.

        Raises:
            As `call` does; also in the middle of the file.
        """
        try:
            async with self._open().get(self._url(path), timeout=self._slow) as response:
                if response.status != 200:
                    _check(response.status, path, await response.read())
                async for block in response.content.iter_chunked(_BLOCK):
                    yield block
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            raise _unreachable(broken) from broken

    def meet(self) -> AbstractAsyncContextManager[None]:
        """See ``Way``. Asterisk is asked whenever we like: there is nothing to wait for."""
        return nullcontext()

    def kept(self) -> tuple[str, ...]:
        """See ``Way``. Asterisk keeps nothing for whoever calls it."""
        return ()

    async def regain(self, stand_by: Callable[[], Awaitable[object]]) -> None:
        """See ``Way``: wait until the application is gone. Taking it back at once would take it from the other, for
        ever."""
        while True:
            await stand_by()
            try:
                await self.operations.applications_get(self.app)
            except SwitchOperationFailed as fault:
                if fault.details.get("status") == 404:
                    return
            except SwitchFault:
                continue

    async def listen(self) -> aiohttp.ClientWebSocketResponse:
        """The WebSocket of events of our application. It subscribes to nothing: with ``subscribeAll`` Asterisk 22.10
        subscribes the application to the states of all endpoints too, and crashes now and then when a phone signs off
        while the WebSocket closes (its endpoint_state_cb publishes to the topic of an application that is gone).

        Raises:
            SwitchUnreachable, SwitchRefused: it was not opened.
        """
        query = {"app": self.address.app}
        try:
            return await self._open().ws_connect(self._url("/events"), params=query, heartbeat=self._heartbeat,
                                                 timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL))
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status in (401, 403):
                raise _refused(refused.status) from refused
            raise SwitchUnreachable("Asterisk does not open its WebSocket.", status=refused.status) from refused
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            raise _unreachable(broken) from broken

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            raise SwitchUnreachable("The session with Asterisk is not open.")
        return self._session

    def _url(self, path: str) -> URL:
        # Already encoded: yarl would otherwise decode what needs no encoding, and drop dots.
        return URL(f"{self._base}{path}", encoded=True)


async def _no_redirect(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise SwitchOperationFailed("What answers at Asterisk's address wants us elsewhere: that is not followed.",
                                    status=response.status, path=request.url.path)
    return response


def answer(status: int, path: str, content: bytes | str, model: Callable[[object], T]) -> T:
    """What an operation's answer says, however it came.

    Args:
        model: reads the answer's JSON; an answer without a body is None.

    Raises:
        SwitchRefused, SwitchOperationFailed, SwitchProtocolBroken: as `Client.call`.
    """
    _check(status, path, content)
    try:
        return model(json.loads(content) if content else None)
    except (ValueError, RecursionError):
        raise SwitchProtocolBroken("Asterisk's answer is not JSON.", path=path) from None
    except TypeError as wrong:
        raise SwitchProtocolBroken(f"Asterisk's answer is not {wrong}.", path=path) from None


def _check(status: int, path: str, content: bytes | str) -> None:
    if status in (401, 403):
        raise _refused(status)
    if status >= 400:
        raise SwitchOperationFailed(f"Asterisk answered {status}: {_said(content)}", status=status, path=path)


def _said(content: bytes | str) -> str:
    """Asterisk's own words in an error's body, or what can be said without them."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return "no reason."
    message = answer.get("message") if isinstance(answer, dict) else None
    return message[:_SAID] if isinstance(message, str) else "no reason."


def _refused(status: int) -> SwitchRefused:
    if status == 403:
        return SwitchRefused("Asterisk does not let this user do that: in ari.conf it needs `read_only = no`, and a "
                             "`permit` for this address.", status=status)
    return SwitchRefused("Asterisk refuses the user name or the password.", status=status)


def _unreachable(broken: Exception) -> SwitchUnreachable:
    if isinstance(broken, TimeoutError):
        return SwitchUnreachable("Asterisk did not answer in time.")
    # Only the kind of a failure is told: its text may hold the query.
    reason = broken.strerror if isinstance(broken, OSError) and broken.strerror else type(broken).__name__
    return SwitchUnreachable(f"No connection to Asterisk: {reason}.")
