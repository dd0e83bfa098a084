"""Events a second through the parser of the event socket, against greenswitch, on the same recorded call, in turns.

``python -m bench.esl_parser`` prints the rows alone. Each turn is a process of its own: greenswitch needs gevent, which
has no place in ours. Both read from memory, so the figures are those of framing and reading headers, not of sockets.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from enum import StrEnum

from bench.figures import Row, Spread, ratio_of, spread, table
from esl_app.messages import Event
from esl_app.protocol import Parser
from tests.esl_app import captures, wire

__all__ = ["Way", "measure", "rows", "stream"]

CALL = "trunk_call_record_mask"
TIMES = 100
"""How often the call's events come after each other: some 5800 events of 4.7 KB."""

ROUNDS = 3
PIECE = 1 << 16
"""Bytes that come from a socket at once."""


class Way(StrEnum):
    """How the events are read."""

    USED = "used"
    """Ours, with the headers that every event is asked for: name, sequence, time, channel, boot."""
    ALL = "all"
    """Ours, with every header decoded, as greenswitch does it."""
    GREENSWITCH = "greenswitch"


def stream(times: int) -> tuple[bytes, int]:
    """The events of a recorded call, so many times.

    Returns:
        The bytes, and how many events are in them.
    """
    events = [frame.raw for frame in wire.frames(captures.read(CALL)) if frame.kind == "text/event-plain"]
    return b"".join(events) * times, len(events) * times


def _ours(data: bytes, ask: Callable[[Event], object]) -> int:
    parser, count = Parser(), 0
    for at in range(0, len(data), PIECE):
        parser.receive_data(data[at:at + PIECE])
        for message in parser.messages():
            if isinstance(message, Event):
                ask(message)
                count += 1
    return count


def _what_is_used(event: Event) -> object:
    return event.name, event.subclass, event.sequence, event.timestamp, event.uuid, event.boot


def _theirs(data: bytes) -> int:
    from greenswitch.esl import ESLProtocol

    reader = ESLProtocol()
    reader.sock_file = io.BufferedReader(io.BytesIO(data), PIECE)
    reader.receive_events()
    return int(reader._esl_event_queue.qsize())


def one(way: Way, times: int) -> float:
    """Read the call so many times, in this process.

    Returns:
        Events a second of processor time.

    Raises:
        RuntimeError: not every event came out.
    """
    data, expected = stream(times)
    begun = time.process_time()
    match way:
        case Way.USED:
            found = _ours(data, _what_is_used)
        case Way.ALL:
            found = _ours(data, Event.headers)
        case Way.GREENSWITCH:
            found = _theirs(data)
    took = time.process_time() - begun
    if found != expected:
        raise RuntimeError(f"{way}: {found} of {expected} events")
    return found / took


def measure(times: int = TIMES, rounds: int = ROUNDS) -> dict[Way, list[float]]:
    """Every way in turns.

    Returns:
        Events a second of processor time, a value a round.
    """
    found: dict[Way, list[float]] = {way: [] for way in Way}
    for _ in range(rounds):
        for way, figures in found.items():
            turn = subprocess.run([sys.executable, "-m", "bench.esl_parser", way, str(times)], check=True,
                                  capture_output=True, text=True, timeout=120)
            figures.append(float(turn.stdout))
    return found


def rows(found: dict[Way, list[float]]) -> list[Row]:
    """Both of ours against greenswitch; more is better."""
    theirs = f"greenswitch: {_rate(spread(found[Way.GREENSWITCH]))}"
    used, everything = (ratio_of(found[way], found[Way.GREENSWITCH]) for way in (Way.USED, Way.ALL))
    return [Row("FreeSWITCH events a second", _rate(spread(found[Way.USED])), theirs, used, "1", used.value > 1),
            Row("- with every header decoded", _rate(spread(found[Way.ALL])), theirs, everything)]


def _rate(value: Spread) -> str:
    return f"{value.value / 1000:.1f} k/s"


def main() -> int:
    """One turn with two arguments, a way and how often; otherwise all turns and the rows.

    Returns:
        The exit status: 0.
    """
    if len(sys.argv) > 1:
        print(one(Way(sys.argv[1]), int(sys.argv[2])))
    else:
        print(table(rows(measure())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
