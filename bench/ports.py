"""Ports for programs that want to be told theirs."""

from __future__ import annotations

import socket
from contextlib import ExitStack

__all__ = ["free_udp_port"]

_TRIES = 100


def free_udp_port(host: str, *, room: int = 0) -> int:
    """An even UDP port of ``host`` that nobody has, and the ``room`` ports above it neither.

    Raises:
        OSError: none was found.
    """
    for _ in range(_TRIES):
        with ExitStack() as held:
            first = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            first.bind((host, 0))
            port: int = first.getsockname()[1]
            if port % 2:
                continue
            try:
                for above in range(1, room + 1):
                    held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((host, port + above))
            except (OSError, OverflowError):
                continue
            return port
    raise OSError(f"no free UDP port on {host}")
