"""Where a recording server is: SDP may have a name in the place of an address (RFC 8866 section 5.7)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from faults import RecordingServerAddressUnusable

__all__ = ["resolved"]


async def resolved(host: str, port: int, ours: str) -> str:
    """An address for ``host``, of the same family as ``ours`` where it is a name.

    Raises:
        RecordingServerAddressUnusable: there is none.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return host
    family = socket.AF_INET6 if ":" in ours else socket.AF_INET
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise RecordingServerAddressUnusable("The name of a recording server cannot be resolved.", host=host) from error
    return str(found[0][4][0])
