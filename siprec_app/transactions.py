"""SIP transactions (RFC 3261 section 17, RFC 6026) as tables: inputs and the time in, actions out; no socket, no clock.

A table maps (state, input) to what follows; what is not listed changes nothing and does nothing. Each state has at most
one timer that repeats what was sent, and one that ends it. On TCP and TLS nothing is repeated but a 2xx.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

T1 = 0.5
"""Seconds: the estimate of a round trip (RFC 3261 section 17.1.1.1)."""

T2 = 4.0
"""Seconds: the longest time between two that are sent again, but for INVITE."""

T4 = 5.0
"""Seconds that a message may stay in the network."""

LIFETIME = 64 * T1
"""Seconds of timers B, F, H, J, L and M."""


class Kind(StrEnum):
    """Which of the four: whose request it is, and whether it is an INVITE."""

    CLIENT_INVITE = "client_invite"
    CLIENT = "client"
    SERVER_INVITE = "server_invite"
    SERVER = "server"


class State(StrEnum):
    """RFC 3261 figures 5 to 8. ``accepted`` is RFC 6026's: a 2xx was sent or received. ``delivered``: its ACK came."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    TERMINATED = "terminated"


class Input(StrEnum):
    """``repeat`` and ``expire`` are timers; ``request`` is the same request again; ``cancel`` is our CANCEL of it."""

    REPEAT = "repeat"
    EXPIRE = "expire"
    BROKEN = "broken"
    PROVISIONAL = "provisional"
    SUCCESS = "success"
    REFUSAL = "refusal"
    REQUEST = "request"
    ACK = "ack"
    CANCEL = "cancel"


class Action(StrEnum):
    """``send`` is the message that is repeated, ``ack`` the ACK of a refusal, ``tell`` hands on what has come in,
    ``timeout`` tells that nothing has."""

    SEND = "send"
    ACK = "ack"
    TELL = "tell"
    TIMEOUT = "timeout"


Moves = Mapping[tuple[State, Input], tuple[State, tuple[Action, ...]]]
_S, _I, _A = State, Input, Action

CLIENT_INVITE: Moves = {  # RFC 3261 section 17.1.1.2, RFC 6026 section 8.4
    (_S.CALLING, _I.REPEAT): (_S.CALLING, (_A.SEND,)),
    (_S.CALLING, _I.EXPIRE): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.CALLING, _I.BROKEN): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
    (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
    (_S.CALLING, _I.REFUSAL): (_S.COMPLETED, (_A.ACK, _A.TELL)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
    (_S.PROCEEDING, _I.REFUSAL): (_S.COMPLETED, (_A.ACK, _A.TELL)),
    (_S.PROCEEDING, _I.BROKEN): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _I.CANCEL): (_S.CANCELLED, ()),
    (_S.CANCELLED, _I.PROVISIONAL): (_S.CANCELLED, ()),
    (_S.CANCELLED, _I.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
    (_S.CANCELLED, _I.REFUSAL): (_S.COMPLETED, (_A.ACK, _A.TELL)),
    (_S.CANCELLED, _I.EXPIRE): (_S.TERMINATED, (_A.TIMEOUT,)),  # RFC 3261 section 9.1
    (_S.CANCELLED, _I.BROKEN): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.COMPLETED, _I.REFUSAL): (_S.COMPLETED, (_A.ACK,)),
    (_S.COMPLETED, _I.EXPIRE): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),       # RFC 3261 section 13.2.2.4: acknowledged each time
    (_S.ACCEPTED, _I.EXPIRE): (_S.TERMINATED, ()),
}

CLIENT: Moves = {  # RFC 3261 section 17.1.2.2
    (_S.TRYING, _I.REPEAT): (_S.TRYING, (_A.SEND,)),
    (_S.TRYING, _I.EXPIRE): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.TRYING, _I.BROKEN): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_A.TELL,)),
    (_S.TRYING, _I.REFUSAL): (_S.COMPLETED, (_A.TELL,)),
    (_S.PROCEEDING, _I.REPEAT): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.EXPIRE): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _I.BROKEN): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (_A.TELL,)),
    (_S.PROCEEDING, _I.REFUSAL): (_S.COMPLETED, (_A.TELL,)),
    (_S.COMPLETED, _I.EXPIRE): (_S.TERMINATED, ()),
}

SERVER_INVITE: Moves = {  # RFC 3261 sections 17.2.1 and 13.3.1.4, RFC 6026 section 8.7
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
    (_S.PROCEEDING, _I.REFUSAL): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.REPEAT): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, ()),
    (_S.COMPLETED, _I.EXPIRE): (_S.TERMINATED, ()),
    (_S.CONFIRMED, _I.EXPIRE): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.REPEAT): (_S.ACCEPTED, (_A.SEND,)),
    (_S.ACCEPTED, _I.ACK): (_S.DELIVERED, (_A.TELL,)),
    (_S.ACCEPTED, _I.EXPIRE): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.DELIVERED, _I.EXPIRE): (_S.TERMINATED, ()),
}

SERVER: Moves = {  # RFC 3261 section 17.2.2
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_A.SEND,)),
    (_S.TRYING, _I.REFUSAL): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.EXPIRE): (_S.TERMINATED, ()),
}

TABLES: Mapping[Kind, tuple[State, Moves]] = {
    Kind.CLIENT_INVITE: (_S.CALLING, CLIENT_INVITE), Kind.CLIENT: (_S.TRYING, CLIENT),
    Kind.SERVER_INVITE: (_S.PROCEEDING, SERVER_INVITE), Kind.SERVER: (_S.TRYING, SERVER),
}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a state lasts, and how what was sent is repeated in it. Seconds.

    Attributes:
        ends: on UDP; ``ends_reliable``: on TCP and TLS. None: no timer ends it.
        first: the first time between two, doubled each time up to ``longest``. None: nothing is repeated.
        always: repeated on TCP and TLS as well.
    """

    ends: float | None = None
    ends_reliable: float | None = None
    first: float | None = None
    longest: float = T2
    always: bool = False


_K = Kind
TIMING: Mapping[tuple[Kind, State], Timing] = {  # the letters are those of RFC 3261 table 4
    (_K.CLIENT_INVITE, _S.CALLING): Timing(LIFETIME, LIFETIME, T1, LIFETIME),        # B and A
    (_K.CLIENT_INVITE, _S.CANCELLED): Timing(LIFETIME, LIFETIME),
    (_K.CLIENT_INVITE, _S.COMPLETED): Timing(LIFETIME, 0.0),                         # D
    (_K.CLIENT_INVITE, _S.ACCEPTED): Timing(LIFETIME, LIFETIME),                     # M (RFC 6026)
    (_K.CLIENT, _S.TRYING): Timing(LIFETIME, LIFETIME, T1),                          # F and E
    (_K.CLIENT, _S.PROCEEDING): Timing(LIFETIME, LIFETIME, T2),                      # F goes on, and E
    (_K.CLIENT, _S.COMPLETED): Timing(T4, 0.0),                                      # K
    (_K.SERVER_INVITE, _S.COMPLETED): Timing(LIFETIME, LIFETIME, T1),                # H and G
    (_K.SERVER_INVITE, _S.CONFIRMED): Timing(T4, 0.0),                               # I
    (_K.SERVER_INVITE, _S.ACCEPTED): Timing(LIFETIME, LIFETIME, T1, T2, True),       # L, and 13.3.1.4
    (_K.SERVER_INVITE, _S.DELIVERED): Timing(LIFETIME, LIFETIME),                    # L goes on
    (_K.SERVER, _S.COMPLETED): Timing(LIFETIME, 0.0),                                # J
}

_GOES_ON = frozenset({(_K.CLIENT, _S.PROCEEDING), (_K.SERVER_INVITE, _S.DELIVERED)})
"""States whose end is that of the state before."""


class Transaction:
    """One transaction.

    Args:
        reliable: it goes over TCP or TLS.
        now: seconds on a clock that only goes forward.
    """

    def __init__(self, kind: Kind, *, reliable: bool, now: float) -> None:
        self.kind = kind
        self.state, self._moves = TABLES[kind]
        self._reliable = reliable
        self._pause = 0.0
        self._repeat_at: float | None = None
        self._end_at: float | None = None
        self._enter(now)

    def receive(self, given: Input, now: float) -> tuple[Action, ...]:
        """What follows from an input."""
        before = self.state
        self.state, actions = self._moves.get((before, given), (before, ()))
        if self.state is not before:
            self._enter(now)
        return actions

    def tick(self, now: float) -> tuple[Action, ...]:
        """What follows from the time being this."""
        if self._end_at is not None and now >= self._end_at:
            self._end_at = None
            return self.receive(Input.EXPIRE, now)
        if self._repeat_at is None or now < self._repeat_at:
            return ()
        self._pause = min(self._pause * 2, self._timing.longest)
        self._repeat_at = now + self._pause
        return self.receive(Input.REPEAT, now)

    def next_deadline(self) -> float | None:
        """When ``tick`` is due, or None."""
        return min((at for at in (self._repeat_at, self._end_at) if at is not None), default=None)

    @property
    def _timing(self) -> Timing:
        return TIMING.get((self.kind, self.state), Timing())

    def _enter(self, now: float) -> None:
        timing = self._timing
        ends = timing.ends_reliable if self._reliable else timing.ends
        if (self.kind, self.state) not in _GOES_ON:
            self._end_at = None if ends is None else now + ends
        repeats = timing.first is not None and (timing.always or not self._reliable)
        self._pause = timing.first or 0.0
        self._repeat_at = now + self._pause if repeats else None
