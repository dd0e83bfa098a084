"""Asterisk's global variables, and several of them in one operation: ARI sets one at a time, and Asterisk's function
ARRAY is one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ari_app.generated.operations import Operations

_SEPARATES = re.compile(r"[^A-Za-z0-9 _.:-]")
"""What ARRAY may read as something else than a part of a value."""


def at_once(variables: Mapping[str, str]) -> tuple[str, str]:
    """The variable and the value that set all of these, in order.

    What ARRAY would not take as it stands becomes ``_`` in a value. The names are not looked at.
    """
    values = [_SEPARATES.sub("_", value) for value in variables.values()]
    return f"ARRAY({','.join(variables)})", ",".join(values)


class Globals:
    """The global variables of one Asterisk; see ``link.lease.GlobalVariables``."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def read(self, name: str) -> str:
        """The value; empty where there is none."""
        return (await self._operations.asterisk_get_global_var(variable=name)).value

    async def write(self, name: str, value: str) -> None:
        """Set one."""
        await self._operations.asterisk_set_global_var(variable=name, value=value)
