"""The lease: which service records on a switch, whatever its application is called.

It is a global variable of that switch, so every service that could disturb another sees it, and it ends with the
switch itself. Its holder changes it every few seconds. Another service does not compare clocks, which differ from
machine to machine: it looks whether the value changes while its own monotonic clock runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from faults import SwitchFault, SwitchTaken

VARIABLE = "RECORDER_LEASE"
FREE = "free"
"""What a holder leaves behind that gave it back. A value that vanishes without it (``clearglobalvars`` at a reload of
the dialplan) is written again by its holder, which must not lose it by that."""
EVERY = 2.0
"""Seconds between two looks of whoever holds the lease or waits for it."""
DEAD_AFTER = 10.0
"""Seconds without a change after which the holder counts as dead."""
_SETTLE = 0.5
"""Seconds after which of two that took a free lease at the same moment one has overwritten the other."""
_FAREWELL = 1.0


class GlobalVariables(Protocol):
    """A switch's global variables. Both raise ``faults.SwitchFault``."""

    async def read(self, name: str) -> str:
        """The variable's value; empty where there is none."""

    async def write(self, name: str, value: str) -> None:
        """Set the variable."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease: a service, which stays the same over its restarts, and this life of it. Neither has a `/`."""

    service: str
    life: str


class Lease:
    """One service's lease of one switch.

    Args:
        variables: of that switch.
        holder: who we are.
        clock: seconds of a monotonic clock.
        sleep: waits so many seconds.
    """

    def __init__(self, variables: GlobalVariables, holder: Holder, *, clock: Callable[[], float],
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._variables = variables
        self._holder = holder
        self._clock = clock
        self._sleep = sleep
        self._count = 0

    async def take(self, standing_by: Callable[[SwitchTaken], None]) -> None:
        """Wait until nobody else holds it, and take it. An earlier life of this service is nobody else.

        Args:
            standing_by: told at each sign of life of another holder.

        Raises:
            SwitchFault: the switch did not answer; what was seen until then counts for nothing.
        """
        while True:
            value = await self._read()
            if value.startswith(f"{self._holder.service}/"):
                await self._write()
                return
            if value not in ("", FREE):
                await self._until_free(value, standing_by)
            await self._write()
            await self._sleep(_SETTLE)
            if self._ours(await self._read()):
                return

    async def keep(self) -> None:
        """Renew it until it is lost, or for ever.

        Raises:
            SwitchTaken: another service has it: it believed us dead.
        """
        while True:
            await self._sleep(EVERY)
            try:
                value = await self._read()
                if value not in ("", FREE) and not self._ours(value):
                    raise _taken(value)
                await self._write()
            except SwitchTaken:
                raise
            except SwitchFault:
                # The connection tells what is wrong. Before the next write we look again whose it is.
                continue

    async def give_back(self) -> None:
        """Let others have it at once, if the switch can be reached."""
        try:
            async with asyncio.timeout(_FAREWELL):
                if self._ours(await self._read()):
                    await self._variables.write(VARIABLE, FREE)
        except (SwitchFault, TimeoutError):
            # Then it is dead after `DEAD_AFTER`.
            return

    async def _until_free(self, value: str, standing_by: Callable[[SwitchTaken], None]) -> None:
        since = self._clock()
        while value != FREE and self._clock() - since < DEAD_AFTER:
            await self._sleep(EVERY)
            now = await self._read()
            if now != value:
                value, since = now, self._clock()
                if value not in ("", FREE):
                    standing_by(_taken(value))

    async def _read(self) -> str:
        return await self._variables.read(VARIABLE)

    async def _write(self) -> None:
        self._count += 1
        await self._variables.write(VARIABLE, f"{self._holder.service}/{self._holder.life}/{self._count}")

    def _ours(self, value: str) -> bool:
        return value.startswith(f"{self._holder.service}/{self._holder.life}/")


def _taken(value: str) -> SwitchTaken:
    return SwitchTaken("Another service records on this switch.", service=value.partition("/")[0])
