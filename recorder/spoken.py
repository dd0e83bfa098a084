"""What a dialplan or a script writes, as values. A caller may have had a hand in it: what is not understood is None."""

from __future__ import annotations

import math

_CHOICES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_MOST_SECONDS = 86_400.0


def choice_of(text: str) -> bool | None:
    """A wish to be recorded, or not."""
    return _CHOICES.get(text.strip().lower())


def seconds_of(text: str) -> float | None:
    """A pause's longest time in seconds, up to a day. Without one a pause lasts until it is given back."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _MOST_SECONDS else None
