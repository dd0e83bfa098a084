"""The states of a recording session's dialog, and of the offers within it, as data.

Rules for editing are those of ``recorder.states``: a table maps (state, input) to what follows, an input that changes
nothing is listed with the same state. What the other side can send is listed in every state: a server that is out of
step is no reason to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DialogState(StrEnum):
    """The dialog: not begun, INVITE sent, provisional response received, given up before one, CANCEL sent, confirmed,
    BYE sent, ended."""

    IDLE = "idle"
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ABANDONED = "abandoned"
    CANCELLING = "cancelling"
    CONFIRMED = "confirmed"
    ENDING = "ending"
    ENDED = "ended"


class DialogInput(StrEnum):
    """``invite`` and ``give_up`` are ours; ``again`` is a refusal after which the request is sent once more."""

    INVITE = "invite"
    PROVISIONAL = "provisional"
    SUCCESS = "success"
    REFUSED = "refused"
    AGAIN = "again"
    TIMEOUT = "timeout"
    GIVE_UP = "give_up"
    BYE = "bye"
    BYE_DONE = "bye_done"


class Action(StrEnum):
    """What the dialog sends. The ACK of a refusal is the transaction's own (RFC 3261 section 17.1.1.3)."""

    INVITE = "invite"
    ACK = "ack"
    CANCEL = "cancel"
    BYE = "bye"


Move = tuple[DialogState, tuple[Action, ...]]

_S, _I, _A = DialogState, DialogInput, Action
_LATE: Move = (_S.ENDING, (_A.ACK, _A.BYE))
"""A 200 that comes after we gave up makes a dialog all the same: it is acknowledged, and ended (RFC 3261 sections 9.1
and 15)."""

DIALOG: Mapping[tuple[DialogState, DialogInput], Move] = {
    (_S.IDLE, _I.INVITE): (_S.CALLING, (_A.INVITE,)),
    (_S.IDLE, _I.GIVE_UP): (_S.ENDED, ()),
    (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, ()),
    (_S.CALLING, _I.SUCCESS): (_S.CONFIRMED, (_A.ACK,)),      # RFC 3261 section 13.2.2.4
    (_S.CALLING, _I.REFUSED): (_S.ENDED, ()),
    (_S.CALLING, _I.AGAIN): (_S.CALLING, (_A.INVITE,)),       # RFC 3261 section 8.1.3.5: a new transaction
    (_S.CALLING, _I.TIMEOUT): (_S.ENDED, ()),
    (_S.CALLING, _I.GIVE_UP): (_S.ABANDONED, ()),             # RFC 3261 section 9.1: no CANCEL before a provisional
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, ()),
    (_S.PROCEEDING, _I.SUCCESS): (_S.CONFIRMED, (_A.ACK,)),
    (_S.PROCEEDING, _I.REFUSED): (_S.ENDED, ()),
    (_S.PROCEEDING, _I.AGAIN): (_S.CALLING, (_A.INVITE,)),
    (_S.PROCEEDING, _I.TIMEOUT): (_S.ENDED, ()),
    (_S.PROCEEDING, _I.GIVE_UP): (_S.CANCELLING, (_A.CANCEL,)),
    (_S.ABANDONED, _I.PROVISIONAL): (_S.CANCELLING, (_A.CANCEL,)),
    (_S.ABANDONED, _I.SUCCESS): _LATE,
    (_S.ABANDONED, _I.REFUSED): (_S.ENDED, ()),
    (_S.ABANDONED, _I.TIMEOUT): (_S.ENDED, ()),
    (_S.ABANDONED, _I.GIVE_UP): (_S.ABANDONED, ()),
    (_S.CANCELLING, _I.PROVISIONAL): (_S.CANCELLING, ()),
    (_S.CANCELLING, _I.SUCCESS): _LATE,
    (_S.CANCELLING, _I.REFUSED): (_S.ENDED, ()),              # usually 487 (RFC 3261 section 21.4.25)
    (_S.CANCELLING, _I.TIMEOUT): (_S.ENDED, ()),
    (_S.CANCELLING, _I.GIVE_UP): (_S.CANCELLING, ()),
    (_S.CONFIRMED, _I.PROVISIONAL): (_S.CONFIRMED, ()),
    (_S.CONFIRMED, _I.SUCCESS): (_S.CONFIRMED, (_A.ACK,)),    # the same 200 again: our ACK was lost (13.2.2.4)
    (_S.CONFIRMED, _I.REFUSED): (_S.CONFIRMED, ()),
    (_S.CONFIRMED, _I.TIMEOUT): (_S.CONFIRMED, ()),
    (_S.CONFIRMED, _I.GIVE_UP): (_S.ENDING, (_A.BYE,)),       # RFC 3261 section 15.1.1
    (_S.CONFIRMED, _I.BYE): (_S.ENDED, ()),                   # RFC 3261 section 15.1.2
    (_S.ENDING, _I.PROVISIONAL): (_S.ENDING, ()),
    (_S.ENDING, _I.SUCCESS): (_S.ENDING, (_A.ACK,)),
    (_S.ENDING, _I.REFUSED): (_S.ENDING, ()),
    (_S.ENDING, _I.TIMEOUT): (_S.ENDING, ()),
    (_S.ENDING, _I.GIVE_UP): (_S.ENDING, ()),
    (_S.ENDING, _I.BYE): (_S.ENDING, ()),                     # both at once: each is answered
    (_S.ENDING, _I.BYE_DONE): (_S.ENDED, ()),                 # whatever the answer to BYE is, or none (15.1.1)
    (_S.ENDED, _I.PROVISIONAL): (_S.ENDED, ()),
    (_S.ENDED, _I.SUCCESS): _LATE,
    (_S.ENDED, _I.REFUSED): (_S.ENDED, ()),
    (_S.ENDED, _I.TIMEOUT): (_S.ENDED, ()),
    (_S.ENDED, _I.GIVE_UP): (_S.ENDED, ()),
    (_S.ENDED, _I.BYE_DONE): (_S.ENDED, ()),
    # RFC 3261 section 15.1.2: there is no such dialog, or none yet; the answer is 481.
    **{(state, _I.BYE): (state, ()) for state in (_S.IDLE, _S.CALLING, _S.PROCEEDING, _S.ABANDONED, _S.CANCELLING,
                                                  _S.ENDED)},
}


class OfferState(StrEnum):
    """Offers in a confirmed dialog: none under way, ours sent, ours to be sent again after a collision, theirs answered
    and not yet acknowledged."""

    STABLE = "stable"
    SENT = "sent"
    GLARE = "glare"
    ANSWERING = "answering"


class OfferInput(StrEnum):
    """``over`` is any final response to ours, or its time-out; ``theirs`` an offer that the server makes; ``done`` the
    ACK to our answer, or the time-out of it."""

    SEND = "send"
    OVER = "over"
    COLLIDED = "collided"
    WAITED = "waited"
    THEIRS = "theirs"
    DONE = "done"


_O, _P = OfferState, OfferInput
OFFER: Mapping[tuple[OfferState, OfferInput], OfferState] = {
    (_O.STABLE, _P.SEND): _O.SENT,
    (_O.STABLE, _P.OVER): _O.STABLE,         # a late answer to one that had timed out
    (_O.STABLE, _P.COLLIDED): _O.STABLE,
    (_O.STABLE, _P.WAITED): _O.STABLE,
    (_O.STABLE, _P.THEIRS): _O.ANSWERING,
    (_O.STABLE, _P.DONE): _O.STABLE,
    (_O.SENT, _P.OVER): _O.STABLE,
    (_O.SENT, _P.COLLIDED): _O.GLARE,        # RFC 3261 section 14.1: 491
    (_O.SENT, _P.WAITED): _O.SENT,
    (_O.SENT, _P.THEIRS): _O.SENT,           # refused with 491 (RFC 3261 section 14.2, RFC 3311 section 5.2)
    (_O.SENT, _P.DONE): _O.SENT,
    (_O.GLARE, _P.OVER): _O.GLARE,
    (_O.GLARE, _P.COLLIDED): _O.GLARE,
    (_O.GLARE, _P.WAITED): _O.STABLE,
    (_O.GLARE, _P.THEIRS): _O.ANSWERING,     # theirs goes first; ours follows it
    (_O.GLARE, _P.DONE): _O.GLARE,
    (_O.ANSWERING, _P.OVER): _O.ANSWERING,
    (_O.ANSWERING, _P.COLLIDED): _O.ANSWERING,
    (_O.ANSWERING, _P.WAITED): _O.ANSWERING,
    (_O.ANSWERING, _P.THEIRS): _O.ANSWERING,  # a second one before the first is over: 500 (RFC 3261 section 14.2)
    (_O.ANSWERING, _P.DONE): _O.STABLE,
}
