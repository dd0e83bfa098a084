"""Which stores there are, which of them is the first, and which one takes over when that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog

from faults import ProcessingFault, StorageRefused, StorageUnreachable
from processing.stores import Store

log = structlog.get_logger("stores")

T = TypeVar("T")

REST_S = 60.0
"""So long a first store that failed is left alone where there is a backup: its time-outs would hold every recording."""


class Stores:
    """The stores of the settings. Threads share it.

    A recording is in one store, as a whole: where the first one fails half-way, the backup takes all of its files.

    Args:
        every: by name.
        first: the name of the one that everything goes to.
        backup: the name of the one that takes over; None: none does.
        clock: seconds of any monotonic clock.
    """

    def __init__(self, every: Mapping[str, Store], first: str, backup: str | None, *,
                 clock: Callable[[], float]) -> None:
        self.every = every
        self._first = every[first]
        self._backup = every[backup] if backup is not None else None
        self._clock = clock
        self._rests_until = -REST_S

    @classmethod
    def of(cls, store: Store) -> Stores:
        """One store, and no backup."""
        return cls({store.name: store}, store.name, None, clock=lambda: 0.0)

    def named(self, name: str) -> Store:
        """A store.

        Raises:
            StorageRefused: the settings have none of that name any more.
        """
        try:
            return self.every[name]
        except KeyError:
            raise StorageRefused(f"The settings have no store {name} any more.", store=name) from None

    def keep(self, put: Callable[[Store], T]) -> T:
        """Store something: in the first store, or, when that refuses or does not answer, in the backup.

        A name that is taken is no failure of the store: the backup would only hide it.

        Args:
            put: stores all that belongs together. It is called anew for the backup.

        Raises:
            DestinationExists: another file has such a name.
            StorageRefused, StorageUnreachable: both stores failed, or the first one where there is no backup.
        """
        if self._backup is None:
            return put(self._first)
        if self._clock() < self._rests_until:
            return put(self._backup)
        try:
            return put(self._first)
        except (StorageRefused, StorageUnreachable, OSError) as error:
            failed = error if isinstance(error, ProcessingFault) else StorageRefused(
                f"The store {self._first.name} refused: {error}.", store=self._first.name)
        self._rests_until = self._clock() + REST_S
        log.warning("a store fails, its backup takes over", store=self._first.name, backup=self._backup.name,
                    fault=failed.id, message=failed.message)
        try:
            return put(self._backup)
        except (StorageRefused, StorageUnreachable) as second:
            raise type(second)(f"{failed.message} Nor did the backup take it: {second.message}",
                               store=self._first.name, backup=self._backup.name) from failed
