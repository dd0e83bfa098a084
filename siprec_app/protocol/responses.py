"""What a final response to our INVITE means: for the session, and for the server that gave it. Tables, as data.

A status that is in no table means what its class does (RFC 3261 section 8.1.3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST_REST = 3600.0
"""Seconds for which a server is left alone at most, whatever its Retry-After says."""


class Verdict(StrEnum):
    """What follows from a response, a time-out, or the server's own BYE.

    ``authenticate``, ``longer`` and ``without`` send the request once more, with credentials, a longer session
    interval, or without an extension. ``again`` waits for a while first. ``kept`` leaves the session as it was.
    ``redirect`` tries the addresses in Contact, ``next`` the next server. ``unfit`` is ``next``, and says that this one
    is no recording server. ``done`` is an end that we wanted.
    """

    AUTHENTICATE = "authenticate"
    LONGER = "longer"
    WITHOUT = "without"
    AGAIN = "again"
    KEPT = "kept"
    REDIRECT = "redirect"
    NEXT = "next"
    UNFIT = "unfit"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Response:
    """What matters of a final response that is no success.

    Attributes:
        retry_after: seconds (RFC 3261 section 20.33), or None.
        unsupported: option tags in lower case (section 20.40).
        min_se: seconds (RFC 4028 section 5), or None.
        contacts: URIs of Contact, in their order.
        stale: the challenge says that only the nonce was too old (RFC 8760, RFC 7616 section 3.3).
    """

    status: int
    retry_after: float | None = None
    unsupported: frozenset[str] = frozenset()
    min_se: int | None = None
    contacts: tuple[str, ...] = ()
    stale: bool = False


AT_SETUP: Mapping[int, Verdict] = {
    401: Verdict.AUTHENTICATE,  # RFC 3261 section 22.2
    407: Verdict.AUTHENTICATE,  # RFC 3261 section 22.3
    420: Verdict.WITHOUT,       # RFC 3261 section 8.1.3.5; with siprec in Unsupported it is unfit
    422: Verdict.LONGER,        # RFC 4028 section 7.3
}
SETUP_CLASS: Mapping[int, Verdict] = {
    3: Verdict.REDIRECT,  # RFC 3261 section 8.1.3.4
    4: Verdict.NEXT,      # RFC 3261 section 21.4: not at this server; among them 488
    5: Verdict.NEXT,      # RFC 3261 section 21.5: another server may do it; among them 503
    6: Verdict.NEXT,      # RFC 3261 section 21.6: nowhere for this URI; our other servers have other URIs
}
IN_SESSION: Mapping[int, Verdict] = {
    401: Verdict.AUTHENTICATE,
    407: Verdict.AUTHENTICATE,
    422: Verdict.LONGER,
    481: Verdict.NEXT,   # RFC 3261 section 12.2.1.2: the server has lost the dialog
    491: Verdict.AGAIN,  # RFC 3261 section 14.1
}
SESSION_CLASS: Mapping[int, Verdict] = dict.fromkeys((3, 4, 5, 6), Verdict.KEPT)
"""RFC 3261 section 14.1: the session stays as it was. Against section 12.2.1.2 that goes for 408 as well: a server
that answers nothing to one re-INVITE is recording all the same."""


def at_setup(response: Response) -> Verdict:
    """What a refused first INVITE means."""
    if response.status == 420 and (not response.unsupported or "siprec" in response.unsupported):
        return Verdict.UNFIT  # RFC 7866 section 6.1: it does not know what a recording session is
    if response.status == 422 and response.min_se is None:
        return Verdict.NEXT
    return AT_SETUP.get(response.status) or SETUP_CLASS.get(response.status // 100, Verdict.NEXT)


def in_session(response: Response) -> Verdict:
    """What a refused re-INVITE or UPDATE means."""
    if response.status == 422 and response.min_se is None:
        return Verdict.KEPT
    return IN_SESSION.get(response.status) or SESSION_CLASS.get(response.status // 100, Verdict.KEPT)


def rest(response: Response) -> float:
    """Seconds for which nothing new is asked of the server.

    Retry-After says so with 503 (RFC 3261 section 21.5.4), and with 404, 413, 480, 486, 500, 600 and 603 (20.33).
    """
    given = response.retry_after if response.status in RESTING else None
    return min(max(given or 0.0, 0.0), LONGEST_REST)


RESTING = frozenset({404, 413, 480, 486, 500, 503, 600, 603})
