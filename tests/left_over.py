"""What a failed test leaves running: a service that goes on would record the calls of the tests that follow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.asterisk import AsteriskServer
from tests.phonograph import Phonograph

__all__ = ["ended_afterwards"]


@asynccontextmanager
async def ended_afterwards() -> AsyncIterator[None]:
    """Ends, on leaving, every service and every Asterisk that was started inside and still runs."""
    services, servers = set(Phonograph.living), set(AsteriskServer.living)
    try:
        yield
    finally:
        for service in Phonograph.living - services:
            await service.kill()
        for server in AsteriskServer.living - servers:
            await asyncio.to_thread(server.stop)
