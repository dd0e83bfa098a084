"""A finished recording to tell of, channels of the tests' own, and a web server that remembers what it was asked."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web as aio

from ledger import Ledger, calls, changes, deliveries, jobs, recordings
from ledger.changes import What
from ledger.deliveries import Delivery
from ledger.tables import Json
from processing.notify.channel import Channel, Progress
from processing.notify.notice import Notice, read
from processing.notify.sender import Rules, Sender
from processing.notify.teller import Teller
from recorder.model import Party
from recorder.states import Carrying, RecordingInput, RecordingState
from tests.processing.scene import BEGAN, Scene

EVERY: frozenset[What] = frozenset({*RecordingState, *Carrying})
LINK = "https://recordings.example/{recording}"

_owners = itertools.count()


def nothing() -> Progress:
    """The progress of a delivery that was just begun; what is kept is remembered in its facts alone."""
    async def keep(_: dict[str, Json]) -> None:
        return

    return Progress({}, keep)


class Told:
    """The ledger of one call, whose recording the test brings to its states, and what channels made of that.

    Args:
        channels: those that tell; the tests' own or real ones.
        database: the ledger, if it is not the scene's own.
    """

    def __init__(self, scene: Scene, *channels: Channel, attempts: int = 3, database: str | None = None) -> None:
        self.scene = scene
        self.ledger = scene.ledger() if database is None else Ledger.open(database)
        self.attempts = attempts
        self.channels = channels
        self.threads = ThreadPoolExecutor(2)
        self.senders = {one.name: self.sender(one) for one in channels}
        self.teller = Teller(self.ledger, {one.name: one.states for one in channels}, told=self._notify,
                             clock=scene.clock, threads=self.threads)
        self.teller.look()

    def _notify(self, name: str) -> None:
        self.senders[name].notify()

    def sender(self, channel: Channel, ledger: Ledger | None = None) -> Sender:
        """A sender with an owner of its own."""
        return Sender(ledger or self.ledger, channel, Rules(attempts=self.attempts, link_template=LINK),
                      owner=f"sender-{next(_owners)}", clock=self.scene.clock, jitter=lambda: 0.0, threads=self.threads)

    def ended(self) -> None:
        """The call is over."""
        with self.ledger.transaction() as connection:
            calls.save(connection, [self.scene.call], BEGAN)

    def finished(self) -> None:
        """The call is over, and its recording is ready."""
        self.scene.record()
        self.ended()
        with self.ledger.transaction() as connection:
            jobs.enqueue(connection, self.scene.recording, BEGAN)
        self.scene.worker(self.ledger).work_once()

    def failed(self) -> None:
        """The call is over, and its recording could not be finished: where files belong, there is no folder."""
        assert self.scene.destination is not None
        self.scene.destination.write_text("in the way")
        self.scene.record()
        self.ended()
        with self.ledger.transaction() as connection:
            jobs.enqueue(connection, self.scene.recording, BEGAN)
        while self.scene.worker(self.ledger, attempts=1).work_once():
            pass

    def move(self, given: RecordingInput) -> None:
        """One step of the recording's states."""
        with self.ledger.transaction() as connection:
            recordings.move(connection, self.scene.recording, given, self.scene.clock.now)

    def deliveries(self, channel: str | None = None) -> list[Delivery]:
        """Oldest first."""
        with self.ledger.reading() as connection:
            return deliveries.listing(connection, channel=channel)[::-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """With all senders running; the teller looks when the test says so."""
        tasks = [asyncio.create_task(one.run()) for one in self.senders.values()]
        yield
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if not isinstance(error, asyncio.CancelledError | None):
                raise error

    async def look(self) -> None:
        """Let the teller look, and wake who has something to send."""
        for name in await asyncio.to_thread(self.teller.look):
            self._notify(name)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait, while the senders go on, until something is so."""
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(is_so):
                for sender in self.senders.values():
                    sender.notify()
                await asyncio.sleep(0.02)

    def close(self) -> None:
        self.threads.shutdown()
        self.ledger.close()


def notice_of(scene: Scene, state: RecordingState = RecordingState.READY) -> Notice:
    """What is told when the scene's recording comes to that state: ready, incomplete or failed by a real worker."""
    told = Told(scene)
    channel = "probe"
    with told.ledger.transaction() as connection:
        changes.begin(connection, channel)
    told.finished() if state in (RecordingState.READY, RecordingState.INCOMPLETE) else told.failed()
    with told.ledger.transaction() as connection:
        changes.tell(connection, channel, changes.untold(connection, channel, EVERY, scene.clock.now), scene.clock.now)
    (delivery,) = [one for one in told.deliveries(channel) if one.state is state]
    with told.ledger.reading() as connection:
        notice = read(connection, delivery, LINK)
    told.close()
    return notice


def between(notice: Notice, caller: Party, callee: Party, *, trunk: str = "", **changes: Any) -> Notice:
    """The same of a call between others.

    Args:
        trunk: which of the two comes from outside (``caller``, ``callee``).
        changes: of the call.
    """
    call = notice.kept.call
    first, second = call.legs
    legs = (replace(first, party=caller, trunk=trunk == "caller"),
            replace(second, party=callee, trunk=trunk == "callee"))
    return replace(notice, kept=replace(notice.kept, call=replace(call, legs=legs, **changes)))


class Probe:
    """A channel whose deliveries do what the test says.

    Args:
        does: what ``send`` does with a notice and its progress.
    """

    def __init__(self, does: Callable[[Notice, Progress], Awaitable[str]], *, name: str = "probe", at_once: int = 2,
                 patience: float = 20.0, states: frozenset[What] = EVERY) -> None:
        self.name, self.states, self.at_once, self.patience = name, states, at_once, patience
        self.sent: list[Notice] = []
        self._does = does

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        return

    async def send(self, notice: Notice, progress: Progress) -> str:
        self.sent.append(notice)
        return await self._does(notice, progress)


async def well(_notice: Notice, _progress: Progress) -> str:
    """What a receiver does that is there."""
    return "well"


@dataclass
class Asked:
    """One request that the tests' web server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request: aio.Request


@dataclass
class WebServer:
    """Answers what the test says, and remembers what it was asked."""

    answer: Callable[[Asked], Awaitable[aio.StreamResponse]]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def _handle(self, request: aio.Request) -> aio.StreamResponse:
        got = Asked(request.method, request.path_qs, dict(request.headers), await request.read(), request)
        self.asked.append(got)
        return await self.answer(got)


@asynccontextmanager
async def web_server(answer: Callable[[Asked], Awaitable[aio.StreamResponse]], *, context: Any = None,
                     largest: int = 64 << 20) -> AsyncIterator[WebServer]:
    """A web server on a free port of loopback; with TLS, if a context is given, under the name ``localhost``."""
    server = WebServer(answer)
    app = aio.Application(client_max_size=largest)
    app.router.add_route("*", "/{path:.*}", server._handle)
    runner = aio.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = aio.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"https://localhost:{port}" if context is not None else f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A receiver that takes connections and never says anything; its port on loopback."""
    taken: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in taken:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in taken), return_exceptions=True)
