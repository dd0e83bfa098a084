"""Several variables in one operation: ARI sets one at a time, and Asterisk's function ARRAY is one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SEPARATES = re.compile(r"[^A-Za-z0-9 _.:-]")
"""What ARRAY may read as something else than a part of a value."""


def at_once(variables: Mapping[str, str]) -> tuple[str, str]:
    """The variable and the value that set all of these, in order.

    What ARRAY would not take as it stands becomes ``_`` in a value. The names are not looked at.
    """
    values = [_SEPARATES.sub("_", value) for value in variables.values()]
    return f"ARRAY({','.join(variables)})", ",".join(values)
