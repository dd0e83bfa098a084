"""What a failed test leaves running: a service that goes on would record the calls of the tests that follow, and a
quiet member that nobody ends stays in its conference."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.asterisk import AsteriskFault, AsteriskServer
from tests.phonograph import Phonograph
from tests.servers import Server

__all__ = ["ended_afterwards"]


@asynccontextmanager
async def ended_afterwards() -> AsyncIterator[None]:
    """Ends, on leaving, every service and every switch that was started inside and still runs, and every channel on the
    Asterisks that were there before."""
    services, servers = set(Phonograph.living), set(Server.living)
    try:
        yield
    finally:
        for service in Phonograph.living - services:
            await service.kill()
        for server in Server.living - servers:
            await asyncio.to_thread(server.stop)
        for server in servers:
            if isinstance(server, AsteriskServer):
                with contextlib.suppress(AsteriskFault):
                    await _without_channels(server)


async def _without_channels(server: AsteriskServer) -> None:
    """Ends all channels, and waits for that, 5 s at most. The console has no events."""
    for _ in range(50):
        if "\n0 active channels" in await asyncio.to_thread(server.cli, "core show channels"):
            return
        await asyncio.to_thread(server.cli, "channel request hangup all")
        await asyncio.sleep(0.1)
