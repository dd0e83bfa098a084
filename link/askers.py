"""Who asked what, until the answer: a channel whose dialplan waits, or a script."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Askers(Generic[T]):
    """Who asked what. An answer takes its entry out; of those that never come the oldest are forgotten.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._open: OrderedDict[str, T] = OrderedDict()

    def expect(self, request: str, asker: T) -> None:
        """Keep who put that request."""
        self._open[request] = asker
        while len(self._open) > self._most:
            self._open.popitem(last=False)

    def take(self, request: str) -> T | None:
        """Who put it; None where nobody did here."""
        return self._open.pop(request, None)

    def __len__(self) -> int:
        return len(self._open)
