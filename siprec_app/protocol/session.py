"""A recording session with one server, without a network and a clock: events and the time in, effects out.

It is level-triggered: ``Want`` says what there should be, and an offer is sent while the server has not accepted that.
A pause silences first: the ``Flow`` without the stream stands before everything else, whatever the server says to
the offer that follows it. One session is one dialog; failover is a new session, which begins with everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faults import RecordingServerProtocolBroken
from siprec_app.protocol import effects, events, exchanges, negotiation, responses, timers
from siprec_app.protocol.dialog import DIALOG, OFFER, Action, DialogInput, DialogState, OfferInput, OfferState
from siprec_app.protocol.effects import Effect
from siprec_app.protocol.negotiation import Agreement, Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.protocol.sdp import Description, Format, Origin
from siprec_app.protocol.snapshots import Snapshots
from siprec_app.protocol.timers import SessionTimer

ANSWERED_WITHIN = 4.0
"""Seconds after which a re-INVITE without an answer is cancelled, and no longer keeps a resumed stream silent. A server
that will answer does so in some milliseconds; the transaction alone would wait for 32 s."""

TRIED_AGAIN = 10.0
"""Seconds after which what the server has not accepted is offered once more; twice as many each time, up to
``LEAST_OFTEN``."""

LEAST_OFTEN = 320.0

COLLISION = (2.1, 4.0)
"""Seconds between which the owner of the Call-ID, which we are, draws its wait (RFC 3261 section 14.1)."""

MOST_REPEATS = 4
"""Times that a request is sent once more with credentials, a longer interval or fewer extensions."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one server is spoken to.

    Attributes:
        within: seconds that it has to accept a session.
        expires: Session-Expires that we ask for, seconds.
        partial: it takes partial metadata; not all do.
        update: it takes metadata alone in an UPDATE; not all do.
        rtcp_mux: RTP and RTCP on one port are offered.
    """

    within: float = 4.0
    expires: int = 1800
    partial: bool = False
    update: bool = False
    rtcp_mux: bool = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request of ours without a final response; until ``patient`` its offer keeps silent what it does not send."""

    send: effects.Send
    streams: tuple[Stream, ...]
    patient: float
    provisional: bool = False
    late: bool = False


class RecordingSession:
    """One session, from the first ``Want`` to ``Over``, and on until its dialog has ended.

    Args:
        origin: of our descriptions: session, first version and our host.
        codecs: in the order in which we like them.
    """

    def __init__(self, origin: Origin, codecs: Sequence[Format], manner: Manner) -> None:
        self.dialog = DialogState.IDLE
        self.offers = OfferState.STABLE
        self._origin, self._codecs, self._manner = origin, tuple(codecs), manner
        self._snapshots = Snapshots(partial=manner.partial)
        self._want: tuple[Stream, ...] = ()
        self._told: tuple[Stream, ...] | None = None
        self._accepted: tuple[Stream, ...] | None = None
        self._sent: Description | None = None
        self._agreement = self._flow = Agreement()
        self._attempt: _Attempt | None = None
        self._attempts = self._repeats = self._failures = 0
        self._expires, self._min_se = manner.expires, None if manner.expires > timers.SMALLEST else timers.SMALLEST
        self._without: frozenset[str] = frozenset()
        self._ours_in_answer = False
        self._tag = ""
        self._remote_cseq = -1
        self._methods: frozenset[str] = frozenset()
        self._timer: SessionTimer | None = None
        self._give_up_at: float | None = None
        self._refresh_at: float | None = None
        self._retry_at: float | None = None
        self._over = False
        self._out: list[Effect] = []

    def receive(self, event: events.Event, now: float) -> tuple[Effect, ...]:
        """What follows from an event.

        Args:
            now: seconds on a clock that only goes forward.

        Raises:
            ValueError: a ``Want`` whose streams leave their places, or are not distinct; nothing has changed then.
        """
        self._out = []
        self._happened(event, now)
        self._set_flow(now)
        self._offer(now)
        self._set_flow(now)
        return tuple(self._out)

    def next_deadline(self) -> float | None:
        """When a ``Tick`` is due, or None."""
        times = [self._give_up_at]
        if self.dialog is DialogState.CONFIRMED and not self._over:
            times.append(None if self._timer is None else self._timer.dead_at)
            if self._attempt is not None and not self._attempt.late:
                times.append(self._attempt.patient)
            if self.offers is OfferState.STABLE:
                times += [self._refresh_at, self._retry_at]
        return min((at for at in times if at is not None), default=None)

    def _happened(self, event: events.Event, now: float) -> None:
        match event:
            case events.Want():
                self._wanted(event, now)
            case events.Stop():
                self._give_up(Verdict.DONE)
            case events.Lost():
                self._give_up(Verdict.NEXT)
            case events.Provisional():
                self._provisional(event)
            case events.Success():
                self._succeeded(event, now)
            case events.Failed():
                self._failed(event, now)
            case events.Unanswered():
                self._unanswered(event, now)
            case events.Waited():
                self.offers = OFFER[self.offers, OfferInput.WAITED]
            case events.Requested():
                self._requested(event, now)
            case events.Acknowledged():
                self._acknowledged(event)
            case events.Ended():
                self._ended(event)
            case events.ByeAnswered() if self.dialog in (DialogState.ENDING, DialogState.ENDED):
                self._move(DialogInput.BYE_DONE)
            case events.Tick():
                self._tick(now)

    # What we want, and what is sent of it

    def _wanted(self, want: events.Want, now: float) -> None:
        if self._over:
            return
        self._description(want.streams)  # raises before anything has changed
        self._want = want.streams
        self._snapshots.want(want.complete, want.change)
        if self.dialog is DialogState.IDLE:
            self._give_up_at = now + self._manner.within
            self._prepare("INVITE", self._description(self._want), now)
            self._move(DialogInput.INVITE)

    def _description(self, streams: tuple[Stream, ...]) -> Description:
        """These streams, as they follow what was sent, with the lines of the server's that we refused."""
        wanted = negotiation.offer(self._origin, streams, self._codecs, rtcp_mux=self._manner.rtcp_mux)
        if self._sent is None:
            return wanted
        refused = tuple(media for media in self._sent.media[len(wanted.media):] if media.label is None)
        return negotiation.revised(self._sent, replace(wanted, media=(*wanted.media, *refused)))

    def _offer(self, now: float) -> None:
        """Send what the server has not accepted yet, when nothing else is under way (RFC 3261 section 14.1)."""
        if self.dialog is not DialogState.CONFIRMED or self.offers is not OfferState.STABLE or self._over:
            return
        again = self._retry_at is not None and now >= self._retry_at
        self._retry_at = None if again else self._retry_at
        refresh = self._refresh_at is not None and now >= self._refresh_at
        offer = self._told != self._want or (again and self._accepted != self._want)
        if again and self._snapshots.missing:
            self._snapshots.request()
        if not (offer or refresh or self._snapshots.due):
            return
        alone = self._manner.update and "UPDATE" in self._methods
        if alone and not (offer or refresh or self._snapshots.needs_offer()):
            self._prepare("UPDATE", None, now)
        else:
            self._prepare("INVITE", self._description(self._want), now)
        self._send()

    def _prepare(self, method: str, description: Description | None, now: float) -> None:
        self._attempts += 1
        if description is not None:
            self._sent, self._told, self._retry_at, self._refresh_at = description, self._want, None, None
        self._attempt = _Attempt(effects.Send(
            self._attempts, method, description, self._snapshots.take(), self._expires, min_se=self._min_se,
            refresher=None if self._timer is None else self._timer.role, without=self._without),
            self._want, now + ANSWERED_WITHIN)

    def _send(self) -> None:
        assert self._attempt is not None
        self._out.append(self._attempt.send)
        self.offers = OFFER[self.offers, OfferInput.SEND]

    def _set_flow(self, now: float) -> None:
        """Silence what may no longer be sent, before all else; let flow what may.

        Sent is what the server accepted last, what is not paused, and what no offer under way takes back.
        """
        allowed = Agreement()
        if self.dialog is DialogState.CONFIRMED and not self._over:
            sending = _sending(self._want)
            if self._attempt is not None and self._attempt.send.description is not None and now < self._attempt.patient:
                sending &= _sending(self._attempt.streams)
            allowed = replace(self._agreement, flows=tuple(
                flow for flow in self._agreement.flows if flow.label in sending))
        if allowed != self._flow:
            silenced = set(self._flow.flows) - set(allowed.flows)
            self._flow = allowed
            self._out.insert(0 if silenced else len(self._out), effects.Flow(allowed))

    def _agree(self, offered: Description, streams: tuple[Stream, ...], answered: Description | None) -> bool:
        """Take an answer over. False when there is none, when it cannot be one, or takes nothing of what there is."""
        try:
            agreement = None if answered is None else negotiation.agreement(offered, answered)
        except RecordingServerProtocolBroken:
            agreement = None
        if agreement is None:
            return False
        self._agreement, self._accepted = agreement, streams
        return bool(agreement.flows or agreement.waiting or not agreement.refused)

    # Responses to us

    def _move(self, given: DialogInput, tag: str = "", attempt: int = 0) -> None:
        self.dialog, actions = DIALOG[self.dialog, given]
        for action in actions:
            number = attempt or self._attempts
            match action:
                case Action.INVITE:
                    assert self._attempt is not None
                    self._out.append(self._attempt.send)
                case Action.ACK:
                    self._out.append(effects.Ack(number, tag or self._tag))
                case Action.CANCEL:
                    self._out.append(effects.Cancel(number))
                case Action.BYE:
                    self._out.append(effects.Bye(tag or self._tag))
        if self.dialog not in (DialogState.CALLING, DialogState.PROCEEDING):
            self._give_up_at = None

    def _give_up(self, verdict: Verdict) -> None:
        self._move(DialogInput.GIVE_UP)
        self._finish(verdict)

    def _finish(self, verdict: Verdict, rest: float = 0.0, contacts: tuple[str, ...] = ()) -> None:
        if not self._over:
            self._over = True
            self._out.append(effects.Over(verdict, rest, contacts))

    def _current(self, attempt: int) -> _Attempt | None:
        found = self._attempt
        return found if found is not None and found.send.attempt == attempt else None

    def _provisional(self, event: events.Provisional) -> None:
        if (current := self._current(event.attempt)) is not None:
            self._attempt = replace(current, provisional=True)
            if self.dialog is not DialogState.CONFIRMED:
                self._move(DialogInput.PROVISIONAL)
            elif current.late and not current.provisional and current.send.method == "INVITE":
                self._out.append(effects.Cancel(event.attempt))

    def _succeeded(self, event: events.Success, now: float) -> None:
        if self._tag and event.tag != self._tag:
            # RFC 3261 section 13.2.2.4: another branch of a forked INVITE is a dialog of its own, and one is enough.
            self._out += [effects.Ack(event.attempt, event.tag), effects.Bye(event.tag)]
            return
        setup = self.dialog is not DialogState.CONFIRMED
        current = self._current(event.attempt)
        self._tag = event.tag
        if event.method == "INVITE":
            self._move(DialogInput.SUCCESS, attempt=event.attempt)
        if current is None or self._over:
            return  # the same again, or one that was no longer waited for
        self._attempt, self._repeats, self._failures = None, 0, 0
        self._methods = event.methods or self._methods
        self._set_timer(timers.from_answer(event.expires, event.refresher, now))
        self._snapshots.accepted(current.send.metadata)
        self.offers = self.offers if setup else OFFER[self.offers, OfferInput.OVER]
        offered = current.send.description
        if offered is not None and not self._agree(offered, current.streams, event.description):
            if setup:
                self._give_up(Verdict.NEXT)  # RFC 3261 section 13.2.2.4: acknowledged, then ended
            else:
                self._retry_at = now + TRIED_AGAIN

    def _failed(self, event: events.Failed, now: float) -> None:
        if (current := self._current(event.attempt)) is None:
            return
        self._attempt = None
        setup = self.dialog is not DialogState.CONFIRMED
        verdict = (responses.at_setup if setup else responses.in_session)(event.response)
        wanted = not self._over and self.dialog is not DialogState.ENDING
        send = exchanges.repeated(current.send, event.response, verdict, self._attempts + 1)
        if send is not None and wanted and self._repeats < MOST_REPEATS:
            self._attempts, self._repeats = send.attempt, self._repeats + 1
            self._expires, self._min_se, self._without = send.expires, send.min_se, send.without
            self._attempt = _Attempt(send, current.streams, now + ANSWERED_WITHIN)
            if setup:
                self._move(DialogInput.AGAIN)
            else:
                self.offers = OFFER[self.offers, OfferInput.OVER]
                self._send()
        elif setup:
            self._move(DialogInput.REFUSED)
            self._finish(verdict if verdict in _ENDS else Verdict.NEXT, responses.rest(event.response),
                         event.response.contacts)
        elif verdict is Verdict.AGAIN:
            self._snapshots.again(current.send.metadata)
            self._refresh_at = None if self._timer is None else self._timer.refresh_at
            self._told = self._told if current.send.description is None else None  # owed, as soon as it may be sent
            self.offers = OFFER[self.offers, OfferInput.COLLIDED]
            self._out.append(effects.Wait(*COLLISION))
        elif verdict is Verdict.NEXT:
            self._give_up(Verdict.NEXT)
        else:
            self._not_accepted(current, now, refused=True)

    def _unanswered(self, event: events.Unanswered, now: float) -> None:
        if (current := self._current(event.attempt)) is None:
            return
        self._attempt = None
        if self.dialog is DialogState.CONFIRMED:
            self._not_accepted(current, now, refused=False)
        else:
            self._move(DialogInput.TIMEOUT)
            self._finish(Verdict.NEXT)

    def _not_accepted(self, current: _Attempt, now: float, *, refused: bool) -> None:
        """The session stays as it was (RFC 3261 section 14.1), and is tried again later."""
        self.offers = OFFER[self.offers, OfferInput.OVER]
        self._snapshots.lost(current.send.metadata, refused=refused)
        pause = min(TRIED_AGAIN * 2 ** self._failures, LEAST_OFTEN)
        self._failures, self._repeats = self._failures + 1, 0
        if self._accepted != self._want or self._snapshots.missing:
            self._retry_at = now + pause
        if self._timer is not None and self._timer.refresh_at is not None and self._refresh_at is None:
            self._refresh_at = max(now + TRIED_AGAIN, self._timer.refresh_at)

    # Requests of the server

    def _requested(self, event: events.Requested, now: float) -> None:
        """A re-INVITE or UPDATE of the server: each is answered, or the server would end the recording."""
        answer = exchanges.refused(event, self.dialog, self.offers, self._remote_cseq)
        self._remote_cseq = max(self._remote_cseq, event.cseq)
        if answer is None and not self._answer(event):
            answer = effects.Answer(event.cseq, 488)  # RFC 3261 section 14.2
        if answer is None:
            timer, refresher = timers.from_request(event.expires, event.refresher, now)
            self._set_timer(timer)
            if event.snapshot:
                self._snapshots.request()  # RFC 7866 section 9.2: in a request of its own, at once
            ours = self._sent if event.method == "INVITE" or event.description is not None else None
            answer = effects.Answer(event.cseq, 200, ours, expires=event.expires,
                                    refresher=None if timer is None else refresher)
        self._out.append(answer)

    def _answer(self, event: events.Requested) -> bool:
        """Our description in the answer. False when the offer has to be refused."""
        self._ours_in_answer = event.description is None
        if event.description is not None:
            assert self._sent is not None
            answered = negotiation.answer(self._sent, self._description(self._want), event.description)
            if answered is None:
                return False
            self._sent, self._agreement = answered
            # What the server holds or drops is its own wish, not something that it has to be asked for again.
            self._accepted = self._told = self._want
        elif event.method == "INVITE":
            # RFC 3261 section 14.2: an INVITE without an offer is answered with ours; its answer is in the ACK.
            self._sent, self._told = self._description(self._want), self._want
        if event.method == "INVITE":
            self.offers = OFFER[self.offers, OfferInput.THEIRS]
        return True

    def _acknowledged(self, event: events.Acknowledged) -> None:
        self.offers = OFFER[self.offers, OfferInput.DONE]
        if self._ours_in_answer and self._sent is not None and self._told is not None:
            self._agree(self._sent, self._told, event.description)
        self._ours_in_answer = False

    def _ended(self, event: events.Ended) -> None:
        known = self.dialog in (DialogState.CONFIRMED, DialogState.ENDING)
        self._out.append(effects.Answer(event.cseq, 200 if known else 481))  # RFC 3261 section 15.1.2
        self._move(DialogInput.BYE)
        if known:
            self._finish(Verdict.NEXT)

    # Time

    def _set_timer(self, timer: SessionTimer | None) -> None:
        self._timer = timer
        self._refresh_at = None if timer is None else timer.refresh_at

    def _tick(self, now: float) -> None:
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up(Verdict.NEXT)
        elif self.dialog is DialogState.CONFIRMED and self._timer is not None and now >= self._timer.dead_at:
            self._give_up(Verdict.NEXT)  # RFC 4028 section 10
        elif (self.dialog is DialogState.CONFIRMED and (attempt := self._attempt) is not None
              and not attempt.late and now >= attempt.patient):
            self._attempt = replace(attempt, late=True)
            if attempt.provisional and attempt.send.method == "INVITE":  # RFC 3261 section 9.1
                self._out.append(effects.Cancel(attempt.send.attempt))


_ENDS = frozenset({Verdict.REDIRECT, Verdict.NEXT, Verdict.UNFIT})


def _sending(streams: tuple[Stream, ...]) -> set[str]:
    return {stream.label for stream in streams if not (stream.paused or stream.removed)}
