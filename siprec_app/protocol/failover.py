"""Which recording server comes next: an ordered list, those that rest, those that were tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def next_server(servers: Sequence[str], tried: Collection[str], rests: Mapping[str, float], now: float) -> str | None:
    """The first server in the order that was not tried for this session and does not rest.

    Args:
        rests: until when a server asked to be left alone; it is asked nothing before (RFC 3261 section 21.5.4).

    Returns:
        None when there is none: then the call is recorded here.
    """
    return next((server for server in servers if server not in tried and rests.get(server, now) <= now), None)
