"""Single requests and responses of a session's dialog: what of the server's is refused, what of ours is sent again."""

from __future__ import annotations

from dataclasses import replace

from siprec_app.protocol import timers
from siprec_app.protocol.dialog import DialogState, OfferState
from siprec_app.protocol.effects import Answer, Send
from siprec_app.protocol.events import Requested
from siprec_app.protocol.responses import Response, Verdict


def refused(request: Requested, dialog: DialogState, offers: OfferState, last_cseq: int) -> Answer | None:
    """The answer to a request of the server's that cannot be met now, or None when it can.

    Args:
        last_cseq: the number of the server's request before.
    """
    offering = request.method == "INVITE" or request.description is not None
    answer = Answer(request.cseq, 481)
    if dialog is not DialogState.CONFIRMED:
        return answer  # RFC 3261 section 12.2.2
    if request.cseq <= last_cseq:
        return replace(answer, status=500)  # RFC 3261 section 12.2.2: out of order
    if offering and offers is OfferState.SENT:
        return replace(answer, status=491)  # RFC 3261 section 14.2, RFC 3311 section 5.2
    if offering and offers is OfferState.ANSWERING:
        return replace(answer, status=500, retry_after=(0, 10))  # RFC 3261 section 14.2
    if request.expires is not None and request.expires < timers.SMALLEST:
        return replace(answer, status=422, min_se=timers.SMALLEST)  # RFC 4028 section 9
    return replace(answer, status=400) if request.unreadable else None


def repeated(send: Send, response: Response, verdict: Verdict, attempt: int) -> Send | None:
    """Our request as the response asks for it, or None when it would be refused again.

    Args:
        attempt: its new number.
    """
    if verdict is Verdict.AUTHENTICATE and (send.authenticate is None or response.stale):
        # RFC 3261 section 22.1: the same credentials a second time are refused a second time.
        return replace(send, attempt=attempt, authenticate=send.attempt)
    if verdict is Verdict.LONGER and response.min_se is not None:
        # RFC 4028 section 7.3: the largest minimum is named from then on.
        least = max(response.min_se, send.min_se or 0)
        return replace(send, attempt=attempt, expires=max(send.expires, least), min_se=least)
    if verdict is Verdict.WITHOUT and not response.unsupported <= send.without:
        return replace(send, attempt=attempt, without=send.without | response.unsupported)
    return None
