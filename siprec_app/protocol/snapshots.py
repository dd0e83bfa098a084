"""Which metadata is owed to a server: everything first, changes only to one that has accepted everything."""

from __future__ import annotations

from siprec_app.protocol.metadata import Metadata, Mode


class Snapshots:
    """RFC 7865 section 6.1.1 and RFC 7866 section 9.1, 9.2: a partial document means nothing without the whole before.

    Args:
        partial: the server takes partial documents.
    """

    def __init__(self, *, partial: bool) -> None:
        self._partial = partial
        self._known = False
        self._complete: Metadata | None = None
        self._change: Metadata | None = None
        self.due: Mode | None = None

    def want(self, complete: Metadata, change: Metadata | None) -> None:
        """This is what there is now; ``change`` is how it differs from before, or None where nobody says."""
        if complete == self._complete:
            return
        # Only one change can be told: a second one, before the first was sent, makes it a whole.
        alone = self._partial and self._known and self.due is None and change is not None
        self._complete, self._change = complete, change
        self.due = Mode.PARTIAL if alone else Mode.COMPLETE

    def request(self) -> None:
        """The server asks for everything."""
        self.due = Mode.COMPLETE

    @property
    def missing(self) -> bool:
        """Whether the server has not accepted what it should know."""
        return self._complete is not None and not self._known

    def take(self) -> Metadata | None:
        """What is owed, which then is no longer."""
        due, self.due = self.due, None
        return None if due is None else self._change if due is Mode.PARTIAL else self._complete

    def accepted(self, metadata: Metadata | None) -> None:
        """The server has taken it."""
        self._known = self._known or metadata is not None

    def lost(self, metadata: Metadata | None, *, refused: bool) -> None:
        """The server has not taken it. What follows is a whole; at once, if it was a change that is missing now.

        Args:
            refused: it said so; then it gets no changes any more.
        """
        if metadata is None:
            return
        self._known = False
        if metadata.mode is Mode.PARTIAL:
            self._partial = self._partial and not refused
            self.due = Mode.COMPLETE
        elif self.due is not None:
            self.due = Mode.COMPLETE

    def again(self, metadata: Metadata | None) -> None:
        """What was sent collided with something of the server's: it is owed still."""
        if metadata is not None:
            self.due = Mode.COMPLETE

    def needs_offer(self) -> bool:
        """Whether what is owed names labels: then the offer that has them goes along (RFC 7866 section 9.1)."""
        return self.due is Mode.COMPLETE or (self._change is not None and bool(self._change.streams))
