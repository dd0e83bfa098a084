"""The audio of one call at the tests' phone: packets out on the phone's own clock, packets in with their times."""

import asyncio
import random
import struct
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast

import numpy as np

from tests.dtmf import Press, digit_of, payloads
from tests.sip import PAYLOAD_TYPES
from tests.sounds import PACKET, RATE, Samples, Sound, decode

__all__ = ["TICK", "Arrival", "Counters", "Network", "Sent", "Stream", "Ticker"]

TICK = 0.02
"""Seconds of audio in a packet."""

_HEADER = struct.Struct("!BBHII")
_AROUND = 1 << 32


class Timers(Protocol):
    """What a ticker needs of an event loop."""

    def time(self) -> float:
        """Seconds of the loop's clock."""

    def call_at(self, when: float, callback: Callable[[int], None], tick: int, /) -> object:
        """Calls `callback(tick)` at `when`."""


class Sender(Protocol):
    """What a ticker drives."""

    def send_until(self, tick: int) -> None:
        """Sends what is due up to and with `tick` of the shared clock."""


class Ticker:
    """Sends for every stream once in 20 ms, from one timer, on an absolute schedule: it never drifts, and what a busy
    machine delayed is sent at once. Packet n belongs to the moment `start + n * TICK`, late or not."""

    def __init__(self, loop: Timers) -> None:
        self._loop = loop
        self._start = loop.time()
        self._streams: set[Sender] = set()
        self._ticking = False

    def add(self, stream: Sender) -> None:
        """From its next tick on, the stream sends. Adding it twice does no harm."""
        self._streams.add(stream)
        if not self._ticking:
            self._schedule(self._now())

    def remove(self, stream: Sender) -> None:
        """It sends no more."""
        self._streams.discard(stream)

    def _now(self) -> int:
        return int((self._loop.time() - self._start) / TICK)

    def _schedule(self, tick: int) -> None:
        self._ticking = True
        self._loop.call_at(self._start + (tick + 1) * TICK, self._send, tick + 1)

    def _send(self, tick: int) -> None:
        for stream in tuple(self._streams):
            stream.send_until(tick)
        self._ticking = bool(self._streams)
        if self._ticking:
            self._schedule(tick)


@dataclass(frozen=True)
class Network:
    """What the way to the switch does to packets. They keep their order, as in a router's queue.

    `jitter`: each is delayed by up to so many seconds. `loss`: this share never arrives. `seed`: of the draws.
    """

    jitter: float = 0.0
    loss: float = 0.0
    seed: int = 1


@dataclass
class Sent:
    """What was sent, a packet each: `at` (time.time) and `ticks` (time.monotonic) when the phone let go of it, before
    the network's delays, and `samples`, the position of its first sample in the endless repetition of the sound.
    Packets that the network lost stand here too; those that a stopped phone did not send, or in whose place a key was
    pressed, do not."""

    at: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.at)

    def sample_at(self, moment: float) -> int:
        """The position in the sound that was being sent at `moment` (time.time).

        Raises:
            ValueError: nothing was sent.
        """
        if not self.at:
            raise ValueError("nothing was sent")
        n = max(0, bisect_right(self.at, moment) - 1)
        return self.samples[n] + round((moment - self.at[n]) * RATE)


class Arrival(NamedTuple):
    """A packet that came: when (time.time), what of its header counts, and from which address."""

    at: float
    sequence: int
    timestamp: int
    source: int
    payload: bytes
    sender: tuple[str, int]


@dataclass
class Counters:
    """`received` packets of audio, `events` packets of keys, `expected` of both by their sequence numbers; `jitter` in
    seconds (RFC 3550, 6.4.1)."""

    received: int = 0
    events: int = 0
    expected: int = 0
    jitter: float = 0.0

    @property
    def lost(self) -> int:
        """Expected and not received; not below 0."""
        return max(0, self.expected - self.received - self.events)


class Stream(asyncio.DatagramProtocol):
    """One call's RTP, both ways, on one port.

    Args:
        sound: what is sent; None: no packet at all.
        keep: whether arriving packets are kept for `heard()`; the counters count in any case.
        first_packet: the sequence number of its first packet; None: any.
    """

    def __init__(self, ticker: Ticker, sound: Sound | None, network: Network, *, keep: bool,
                 first_packet: int | None = None) -> None:
        self.sent = Sent()
        self.arrivals: list[Arrival] = []
        self.counters = Counters()
        self.codec = ""
        self.digits = ""
        self.events: int | None = None
        self._ticker = ticker
        self._sound = sound
        self._network = network
        self._keep = keep
        self._draw = random.Random(network.seed)
        self._packets: list[bytes] = []
        self._type = 0
        self._remote: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._source = random.getrandbits(32)
        self._sequence = random.getrandbits(16) if first_packet is None else first_packet
        self._stamp = random.getrandbits(32)
        self._first: int | None = None
        self._next = 0
        self._mark = True
        self._muted = False
        self._held = False
        self._keys: deque[tuple[Press, asyncio.Future[None]]] = deque()
        self._key_began: int | None = None
        self._last_event: tuple[int, int] | None = None
        self._latest_arrival = 0.0
        self._seen: tuple[int, int, int] | None = None
        self._transit: float | None = None
        self._listening: list[tuple[int, asyncio.Future[None]]] = []

    # ---- What a test says to it -----------------------------------------------------------------------------

    def play(self, sound: Sound) -> None:
        """Sends another sound from the next packet on, in step with the same clock: `sent` counts on. Encode it before
        (`Sound.packets`), or packets are late."""
        self._sound, self._packets = sound, sound.packets(self.codec)

    @property
    def sound(self) -> Sound | None:
        """What it sends."""
        return self._sound

    def stop_sending(self) -> None:
        """No packets from now on; the sample clock runs on, as a phone's does in a pause of speech."""
        self._muted = True

    def start_sending(self) -> None:
        """Packets again, the first of them marked (RFC 3551, 4.1)."""
        self._muted, self._mark = False, True

    def begin_anew(self, first_packet: int) -> None:
        """A new RTP stream in the same call, as of a device that was moved or has rerouted: another SSRC, another
        timestamp, and the sequence number `first_packet`."""
        self._source, self._stamp = random.getrandbits(32), random.getrandbits(32)
        self._sequence, self._mark = first_packet, True

    async def press(self, digits: str, *, packets: int, gap: int) -> None:
        """Sends digits as telephone events in place of audio, also to who hears none of that: `packets` for each key,
        `gap` between two. Returns when the gap behind the last one is over, or the stream is closed."""
        pressed = [(Press(digit, packets, gap), self._loop.create_future()) for digit in digits]
        self._keys.extend(pressed)
        self._ticker.add(self)
        await asyncio.gather(*(done for _, done in pressed))

    async def listen(self, seconds: float) -> None:
        """Until so many seconds of packets more have come in; for ever when none come, so set a time-out."""
        enough: asyncio.Future[None] = self._loop.create_future()
        self._listening.append((self.counters.received + round(seconds / TICK), enough))
        await enough

    def heard(self) -> Samples:
        """What arrived, decoded, laid out by its timestamps; missing packets are zeros. Sample 0 arrived at
        `arrivals[0].at`. A new source, or timestamps that jump, are placed by their time of arrival."""
        if not self.arrivals:
            return np.zeros(0, np.int16)
        places: list[int] = []
        first = anchor = self.arrivals[0]
        base = 0
        for packet in self.arrivals:
            by_clock = round((packet.at - first.at) * RATE)
            place = base + (packet.timestamp - anchor.timestamp + _AROUND // 2) % _AROUND - _AROUND // 2
            if packet.source != anchor.source or abs(place - by_clock) > RATE:
                anchor, base, place = packet, by_clock, by_clock
            places.append(max(0, place))
        samples = decode(b"".join(packet.payload for packet in self.arrivals), self.codec)
        whole = np.zeros(max(places) + PACKET, np.int16)
        position = 0
        for place, packet in zip(places, self.arrivals, strict=True):
            piece = samples[position : position + len(packet.payload)]
            whole[place : place + len(piece)] = piece[: len(whole) - place]
            position += len(packet.payload)
        return whole

    # ---- What the call says to it ---------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return (host, port)

    async def prepare(self, codec: str) -> None:
        """Encodes the sound, in a thread: noise in G.722 takes longer than a packet may wait."""
        if self._sound is not None:
            await asyncio.to_thread(self._sound.packets, codec)

    def connect(self, remote: tuple[str, int], codec: str, *, held: bool, events: int | None) -> None:
        """Sends to `remote` from now on, in `codec`; not while `held` (the other side does not want to hear).
        `events`: the payload type of telephone events; None: there are none."""
        if codec != self.codec:
            self._packets = self._sound.packets(codec) if self._sound else []
        self._remote, self.codec, self._type, self._held = remote, codec, PAYLOAD_TYPES[codec], held
        self.events = events
        if self._packets:
            self._ticker.add(self)

    def close(self) -> None:
        """No more packets, either way; keys that are not pressed yet stay so."""
        self._ticker.remove(self)
        for _, done in self._keys:
            if not done.done():
                done.set_result(None)
        self._keys.clear()
        if self._transport is not None:
            self._transport.close()

    # ---- Out ------------------------------------------------------------------------------------------------

    def send_until(self, tick: int) -> None:
        """See `Sender`; the first call says where this stream's clock begins."""
        if self._first is None:
            self._first = self._next = tick
        while self._next <= tick:
            n = self._next - self._first
            self._next += 1
            if not self._press(n) and self._packets and not (self._muted or self._held):
                self._play(n)

    def _press(self, n: int) -> bool:
        """Whether a key is down at packet `n` of the clock, and its event was sent."""
        if not self._keys:
            return False
        (press, done), began = self._keys[0], self._key_began
        if began is None:
            began = self._key_began = n
        k = n - began
        if k >= press.packets:
            if k == press.packets + press.gap - 1:
                self._keys.popleft()
                self._key_began = None
                if not done.done():
                    done.set_result(None)
            return False
        assert self.events is not None
        for number, payload in enumerate(payloads(press, k)):
            # All packets of an event have the timestamp of its beginning, and the first is marked (RFC 4733, 2.5.1).
            self._send(payload, self.events, stamp=began * PACKET, mark=k == 0 and number == 0)
        return True

    def _play(self, n: int) -> None:
        self.sent.at.append(time.time())
        self.sent.ticks.append(time.monotonic())
        self.sent.samples.append(n * PACKET)
        self._send(self._packets[n % len(self._packets)], self._type, stamp=n * PACKET, mark=self._mark)
        self._mark = False

    def _send(self, payload: bytes, kind: int, *, stamp: int, mark: bool) -> None:
        header = _HEADER.pack(
            0x80, kind | (0x80 if mark else 0), self._sequence, (self._stamp + stamp) % _AROUND, self._source
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._network.loss and self._draw.random() < self._network.loss:
            return
        packet = header + payload
        if not self._network.jitter:
            self._let_go(packet)
            return
        now = self._loop.time()
        # Timers of the same moment fire in no promised order, so each packet is a little later than the one before.
        self._latest_arrival = max(self._latest_arrival + 1e-5, now + self._draw.uniform(0, self._network.jitter))
        self._loop.call_at(self._latest_arrival, self._let_go, packet)

    def _let_go(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, self._remote)

    # ---- In -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's is not derived from DatagramTransport, so that no isinstance can tell.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # Anything but this call's payload types is RTCP or a neighbour's mistake.
        if len(data) <= _HEADER.size or data[1] & 0x7F not in (self._type, self.events) or not self.codec:
            return
        now = time.time()
        _, _, sequence, timestamp, source = _HEADER.unpack_from(data)
        if data[1] & 0x7F == self.events:
            self._hear_key(timestamp, source, data[_HEADER.size :])
            return
        self._count(now, sequence, timestamp, source)
        if self._keep:
            self.arrivals.append(Arrival(now, sequence, timestamp, source, data[_HEADER.size :], addr))
        for wanted, enough in self._listening:
            if self.counters.received >= wanted and not enough.done():
                enough.set_result(None)

    def _hear_key(self, timestamp: int, source: int, payload: bytes) -> None:
        """A new timestamp is a new key; its other packets repeat it."""
        self.counters.events += 1
        if self._last_event != (timestamp, source):
            self._last_event = (timestamp, source)
            self.digits += digit_of(payload)

    def _count(self, now: float, sequence: int, timestamp: int, source: int) -> None:
        counters = self.counters
        counters.received += 1
        transit = now * RATE - timestamp
        if self._seen is None or self._seen[0] != source:
            self._seen = (source, sequence, counters.expected)
            counters.expected += 1
        else:
            first, before = self._seen[1], self._seen[2]
            counters.expected = max(counters.expected, before + ((sequence - first) & 0xFFFF) + 1)
            if self._transit is not None:
                counters.jitter += (abs(transit - self._transit) / RATE - counters.jitter) / 16
        self._transit = transit

    def error_received(self, exc: Exception) -> None:
        """An ICMP refusal after the other side has gone is no news."""
