"""What a failed test leaves running: a service that goes on would record the calls of the tests that follow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.phonograph import Phonograph
from tests.servers import Server

__all__ = ["ended_afterwards"]


@asynccontextmanager
async def ended_afterwards() -> AsyncIterator[None]:
    """Ends, on leaving, every service and every switch that was started inside and still runs."""
    services, servers = set(Phonograph.living), set(Server.living)
    try:
        yield
    finally:
        for service in Phonograph.living - services:
            await service.kill()
        for server in Server.living - servers:
            await asyncio.to_thread(server.stop)
