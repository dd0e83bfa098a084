"""Whose recording it is: who of our users is told of it."""

from __future__ import annotations

from ledger.rows import caller_and_callee
from policy.types import Identity, Subject
from recorder.model import Call, Leg


def owner(call: Call) -> Leg | None:
    """The party for whose sake the call is recorded, if it is a user of ours: whose permission decided, else the
    caller, else the callee. Who comes in from a trunk, or is called there, owns nothing. None: nobody does."""
    caller, callee = caller_and_callee(call)
    first = callee if call.decision is not None and call.decision.subject is Subject.CALLEE else caller
    second = caller if first is callee else callee
    return next((leg for leg in (first, second) if leg is not None and not leg.trunk and leg.party.user), None)


def other(call: Call, than: Leg) -> Leg | None:
    """With whom that party of a call between two talked."""
    caller, callee = caller_and_callee(call)
    return callee if caller is not None and than.id == caller.id else caller


def identity(leg: Leg) -> Identity:
    """Who is on a leg, as the switch authenticated it."""
    return Identity(leg.party.user, leg.party.domain)
