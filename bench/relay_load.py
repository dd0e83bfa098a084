"""A relay in a process of its own, and at its two ends a process that sends calls' RTP and one that counts it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import resource
import secrets
import select
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import cpu_seconds
from media import rtp
from siprec_app.ng_calls import NgCalls
from siprec_app.ng_client import NgClient
from siprec_app.ports import Ports
from siprec_app.protocol.negotiation import Flow
from siprec_app.protocol.sdp import PCMU
from siprec_app.relay import Relay
from siprec_app.rtp_relay import RtpRelay
from siprec_app.rtpengine import RtpEngine
from siprec_app.srtp import new_keys
from tests.rtpengine import Rtpengine

__all__ = ["Carried", "Carrier", "carry"]

SWITCH, SERVER = "127.0.0.1", "127.0.0.2"
_RANGE = (10_000, 59_999)
_SINKS = 64
"""Sockets of the recording server: what the kernel keeps for one alone is too little for a whole machine's calls."""
_AT_ONCE = 8
"""Streams that are opened at once."""
_LOOKS = 0.005
"""Seconds between two looks of the recording server."""
_GRACE = 0.2
"""Seconds after the last packet was sent until which the last one has to be there."""
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one load.

    Attributes:
        sent: packets. arrived: of them, at the recording server, not later than 0.2 s after the last was sent.
        cpu: seconds of processor time of what carried it meanwhile.
        late: seconds by which the sender was behind its own schedule at the worst.
    """

    sent: int
    arrived: int
    cpu: float
    late: float


class Carrier(StrEnum):
    """Who carries the packets, with one thread: the service's own relay, or rtpengine."""

    OURS = "ours"
    RTPENGINE = "rtpengine"


def carry(sessions: int, *, srtp: bool, seconds: float, carrier: Carrier = Carrier.OURS) -> Carried:
    """Carry the two streams of so many calls for so long: 172 bytes, 50 times a second each."""
    with ExitStack() as started:
        sinks, (ports, discard) = _start(started, _receive, ())
        relay, intakes = _start(started, _relay, (sessions * 2, srtp, ports, discard, carrier))
        before = _ask(relay)
        sender, _ = _start(started, _send, (intakes, seconds))
        sent, late, ended = sender.recv()
        time.sleep(max(0.0, ended + _GRACE - time.monotonic()))
        arrived = _ask(sinks)
        return Carried(sent, int(arrived), _ask(relay) - before, late)


def _start(started: ExitStack, work: object, arguments: tuple[object, ...]) -> tuple[Connection, list]:  # type: ignore[type-arg]
    """A process, its pipe, and what it says first."""
    ours, theirs = _SPAWN.Pipe()
    process = SpawnProcess(target=work, args=(theirs, *arguments), daemon=True)  # type: ignore[arg-type]
    process.start()
    started.callback(process.join)
    started.callback(ours.send, None)
    return ours, ours.recv()


def _ask(process: Connection) -> float:
    process.send("?")
    return float(process.recv())


def _many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _bound(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((host, 0))
    return made


def _receive(pipe: Connection) -> None:
    """A recording server that counts."""
    sinks = {one.fileno(): one for one in (_bound(SERVER) for _ in range(_SINKS))}
    discard = _bound(SERVER)
    ready = select.epoll()
    for descriptor in (*sinks, pipe.fileno()):
        ready.register(descriptor, select.EPOLLIN)
    pipe.send(([one.getsockname()[1] for one in sinks.values()], discard.getsockname()[1]))
    arrived, space = 0, bytearray(2048)
    while True:
        # On the loopback whoever sends also wakes up who waits for it. A network card would not, so nobody waits.
        time.sleep(_LOOKS)
        while found := ready.poll(0):
            for descriptor, _ in found:
                if descriptor in sinks:
                    sinks[descriptor].recv_into(space)
                    arrived += 1
                elif pipe.recv() is None:
                    return
                else:
                    pipe.send(arrived)


def _relay(pipe: Connection, streams: int, srtp: bool, ports: list[int], discard: int, carrier: Carrier) -> None:
    _many_files()
    asyncio.run(_carry(pipe, streams, srtp, ports, discard, carrier))


async def _carry(pipe: Connection, streams: int, srtp: bool, ports: list[int], discard: int,
                 carrier: Carrier) -> None:
    async with AsyncExitStack() as end:
        relay, used = await (_ours(end) if carrier is Carrier.OURS else _rtpengine(end))

        async def opened(number: int) -> int:
            intake = await relay.open_intake(str(number))
            outlet = await relay.open_outlet(str(number), str(number // 2))
            key = (new_keys(secrets.token_bytes)[0], new_keys(secrets.token_bytes)[0]) if srtp else None
            await relay.flow(outlet.id, Flow(str(number), SERVER, ports[number % len(ports)], discard, PCMU, key=key))
            return intake.port

        intakes: list[int] = []
        for first in range(0, streams, _AT_ONCE):
            intakes += await asyncio.gather(*map(opened, range(first, min(streams, first + _AT_ONCE))))
        pipe.send(intakes)
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def asked() -> None:
            if pipe.recv() is None:
                over.set_result(None)
            else:
                pipe.send(used())

        asyncio.get_running_loop().add_reader(pipe.fileno(), asked)
        await over
        asyncio.get_running_loop().remove_reader(pipe.fileno())


async def _ours(end: AsyncExitStack) -> tuple[Relay, Callable[[], float]]:
    """A relay, and what processor time it has used, in seconds."""
    draw = random.SystemRandom()
    relay = RtpRelay(Ports(SWITCH, *_RANGE, draw.getrandbits(16)), Ports(SERVER, *_RANGE, draw.getrandbits(16)),
                     draw=draw, monotonic=time.monotonic, wall=time.time)
    end.callback(relay.close)
    return relay, time.process_time


async def _rtpengine(end: AsyncExitStack) -> tuple[Relay, Callable[[], float]]:
    """The same of rtpengine; what tells it what to do is not among it."""
    folder = Path(end.enter_context(TemporaryDirectory()))
    daemon = await end.enter_async_context(Rtpengine(SWITCH, folder / "rtpengine.log", threads=1, ports=_RANGE))
    client = NgClient(daemon.host, daemon.port, cookie=lambda: secrets.token_hex(8))
    here = await client.open()
    end.callback(client.close)
    relay = RtpEngine(NgCalls(client, here), here, wall=time.time)
    end.push_async_callback(relay.close)
    return relay, lambda: cpu_seconds(daemon.pid)


def _send(pipe: Connection, intakes: list[int], seconds: float) -> None:
    """A switch: a twentieth of the streams in each millisecond, on an absolute schedule."""
    pipe.send(())
    out = _bound(SWITCH)
    out.setblocking(True)
    slices = [[(SWITCH, port) for port in intakes[part::20]] for part in range(20)]
    noise = os.urandom(160)
    begin, sent, late = time.monotonic(), 0, 0.0
    for tick in range(round(seconds * 1000)):
        wait = begin + tick / 1000 - time.monotonic()
        late = max(late, -wait)
        if wait > 0:
            time.sleep(wait)
        number = tick // 20
        packet = rtp.build(0, False, number & 0xFFFF, number * 160, 1, noise)
        for address in slices[tick % 20]:
            out.sendto(packet, address)
        sent += len(slices[tick % 20])
    pipe.send((sent, late, time.monotonic()))
    pipe.recv()
