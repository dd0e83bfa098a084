"""The channels of a real FreeSWITCH and their variables, and waiting for what it tells nobody."""

import asyncio
from collections.abc import Callable

from tests.freeswitch import FreeSwitchServer


async def until(true: Callable[[], bool]) -> None:
    """Returns when it is true.

    Raises:
        TimeoutError: it was not within 15 s.
    """
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - FreeSWITCH tells nobody
            await asyncio.sleep(0.02)


async def legs(server: FreeSwitchServer, count: int) -> list[str]:
    """The channels' ids, the oldest first, once there are so many: the list is a moment late."""
    found: list[str] = []

    def there() -> bool:
        lines = server.cli("show channels").splitlines()[1:]
        found[:] = [line.split(",")[0] for line in lines if line.count(",") > 5]
        found[:] = [uuid for uuid in found if server.cli(f"uuid_exists {uuid}") == "true"]
        return len(found) == count

    await until(there)
    return found


def variable(server: FreeSwitchServer, uuid: str, name: str) -> str:
    """A channel's variable; empty where it has none."""
    return server.cli(f"uuid_getvar {uuid} {name}").replace("_undef_", "")
