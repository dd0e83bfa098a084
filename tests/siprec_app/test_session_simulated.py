"""A recording session under whatever a server, a network and a call can do, in any order.

What has to hold at every moment: a paused stream is silent, nothing is sent in the clear that was offered encrypted,
one offer is under way at most, labels stay in their places, versions only grow, metadata begins with everything, a
session ends once and its dialog is not left open.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from siprec_app.protocol import effects, events
from siprec_app.protocol.crypto import KEY_LENGTH, Crypto, Suite
from siprec_app.protocol.dialog import DialogState
from siprec_app.protocol.metadata import Metadata, Mode
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.responses import Response
from siprec_app.protocol.sdp import PCMA, PCMU, Description, Direction, Media, Origin
from siprec_app.protocol.session import Manner, RecordingSession
from tests.siprec_app.documents import COMPLETE, LEFT

OURS = (Crypto(1, Suite.AES_80, b"o" * KEY_LENGTH),)
THEIRS = Crypto(1, Suite.AES_80, b"t" * KEY_LENGTH)
OTHER = Metadata(Mode.COMPLETE, groups=COMPLETE.groups)

any_line = st.builds(
    Media, port=st.sampled_from([0, 50000, 50000, 50000]), formats=st.sampled_from([(PCMU,), (PCMA, PCMU), ()]),
    host=st.sampled_from(["192.0.2.9", "192.0.2.9", "0.0.0.0"]), direction=st.sampled_from(Direction),
    profile=st.sampled_from(["RTP/AVP", "RTP/SAVP", "RTP/SAVP"]), label=st.none() | st.sampled_from(["1", "2", "x"]),
    crypto=st.sampled_from([(), (THEIRS,), (THEIRS,), (replace(THEIRS, tag=2),)]))
answers = st.none() | st.lists(any_line, min_size=1, max_size=4).map(
    lambda media: Description(Origin(9, 1, "192.0.2.9"), tuple(media)))
expires = st.none() | st.sampled_from([0, 60, 90, 1800])
refreshers = st.none() | st.sampled_from(["uac", "uas", "x"])
some = st.integers(0, 3)
manners = st.lists(st.sampled_from(["fits"] * 12 + [
    "refused", "inactive", "held", "in the clear", "no key", "other tag", "codec", "as the first", "one more",
    "anything"]), min_size=2, max_size=4)


class Sessions(RuleBasedStateMachine):
    @initialize(secure=st.booleans(), partial=st.booleans(), update=st.booleans(), short=st.booleans(), first=manners)
    def begin(self, secure: bool, partial: bool, update: bool, short: bool, first: list[str]) -> None:
        self.secure = secure
        self.session = RecordingSession(Origin(1, 1, "192.0.2.1"), (PCMU, PCMA), Manner(
            partial=partial, update=update, expires=90 if short else 1800))
        self.now, self.cseq = 0.0, 0
        self.streams = tuple(Stream(label, 40000, crypto=OURS if secure else ()) for label in ("1", "2"))
        self.flows: dict[str, effects.Flow] = {}
        self.flowing: set[str] = set()
        self.sends: list[effects.Send] = []
        self.open: set[int] = set()
        self.overs = 0
        self.accepted = False
        self.versions: list[int] = []
        if len(first) < 4:
            self.pause_or_resume(0)
            self.a_200(None, first, None, None, "a", 0)

    def happens(self, event: events.Event) -> None:
        for number, effect in enumerate(self.session.receive(event, self.now)):
            if isinstance(effect, effects.Flow):
                now = {flow.label for flow in effect.agreement.flows}
                assert number == 0 or not self.flowing - now, "something was done before the silence"
                self.flowing = now
                for flow in effect.agreement.flows:
                    assert (flow.key is not None) == self.secure, "protection is not as offered"
                    assert flow.host == "192.0.2.9"
            elif isinstance(effect, effects.Send):
                self.sent(effect)
            elif isinstance(effect, effects.Over):
                self.overs += 1
            elif isinstance(effect, effects.Answer) and effect.description is not None:
                self.described(effect.description)

    def sent(self, send: effects.Send) -> None:
        assert not self.open, "two offers at once"
        self.open.add(send.attempt)
        assert self.accepted or send.metadata is None or send.metadata.mode is Mode.COMPLETE, "a change came first"
        if not self.sends:
            assert send.metadata is not None
        if send.metadata is not None and send.metadata.streams:
            assert send.description is not None, "labels without the offer that has them"
        assert "siprec" not in send.without
        self.sends.append(send)
        if send.description is not None:
            self.described(send.description)

    def described(self, description: Description) -> None:
        assert [line.label for line in description.media][:2] == ["1", "2"]
        assert description.origin is not None
        assert not self.versions or description.origin.version >= self.versions[-1]
        self.versions.append(description.origin.version)

    @rule(number=some)
    def pause_or_resume(self, number: int) -> None:
        self.streams = tuple(replace(stream, paused=bool(number >> place & 1))
                             for place, stream in enumerate(self.streams))
        self.happens(events.Want(self.streams, COMPLETE))

    @rule(other=st.booleans())
    def metadata_changes(self, other: bool) -> None:
        self.happens(events.Want(self.streams, OTHER if other else COMPLETE, LEFT))

    @rule(place=st.integers(0, 1))
    def a_stream_ends(self, place: int) -> None:
        self.streams = tuple(replace(stream, removed=stream.removed or number == place)
                             for number, stream in enumerate(self.streams))
        self.happens(events.Want(self.streams, COMPLETE))

    def answered(self, offered: Description, manners: list[str]) -> Description:
        """An answer to an offer, each line after a manner of its own."""
        fit = Media(50000, (PCMU,), host="192.0.2.9", direction=Direction.RECVONLY,
                    profile="RTP/SAVP" if self.secure else "RTP/AVP", crypto=(THEIRS,) if self.secure else ())
        made = {
            "refused": replace(fit, port=0), "inactive": replace(fit, direction=Direction.INACTIVE),
            "held": replace(fit, host="0.0.0.0"), "in the clear": replace(fit, profile="RTP/AVP"),
            "no key": replace(fit, crypto=()), "other tag": replace(fit, crypto=(replace(THEIRS, tag=2),)),
            "codec": replace(fit, formats=()), "as the first": replace(fit, label="1"),
        }
        media = [made.get(manner, fit) for manner, _ in zip(manners, offered.media, strict=False)]
        return Description(Origin(9, 1, "192.0.2.9"), tuple(media or [fit]) + ((fit,) if "one more" in manners else ()))

    @precondition(lambda self: self.sends)
    @rule(answer=answers, manners=manners, expires=expires, refresher=refreshers, tag=st.sampled_from("aaab"),
          back=some)
    def a_200(self, answer: Description | None, manners: list[str], expires: int | None, refresher: str | None,
              tag: str, back: int) -> None:
        send = self.sends[-1 - min(back // 3, len(self.sends) - 1)]
        if send.description is not None and "anything" not in manners:
            answer = self.answered(send.description, manners)
        self.open.discard(send.attempt)
        self.accepted = True
        self.happens(events.Success(send.attempt, tag, answer, expires, refresher, frozenset({"UPDATE"}), send.method))

    @precondition(lambda self: self.sends)
    @rule(status=st.sampled_from([302, 400, 401, 407, 420, 422, 481, 487, 488, 491, 500, 503, 603]),
          min_se=st.none() | st.just(3600), unsupported=st.sampled_from([frozenset[str](), frozenset({"timer"})]),
          stale=st.booleans())
    def a_refusal(self, status: int, min_se: int | None, unsupported: frozenset[str], stale: bool) -> None:
        self.open.discard(self.sends[-1].attempt)
        self.happens(events.Failed(self.sends[-1].attempt, Response(status, 5.0, unsupported, min_se, (), stale)))

    @precondition(lambda self: self.sends)
    @rule(back=some, answered=st.booleans())
    def a_provisional_or_none(self, back: int, answered: bool) -> None:
        send = self.sends[-1 - min(back, len(self.sends) - 1)]
        if answered:
            self.happens(events.Provisional(send.attempt))
        else:
            self.open.discard(send.attempt)
            self.happens(events.Unanswered(send.attempt))

    @rule(method=st.sampled_from(["INVITE", "UPDATE"]), offer=answers, unreadable=st.booleans(), expires=expires,
          refresher=refreshers, snapshot=st.booleans(), back=some)
    def the_server_asks(self, method: str, offer: Description | None, unreadable: bool, expires: int | None,
                        refresher: str | None, snapshot: bool, back: int) -> None:
        self.cseq += 1
        self.happens(events.Requested(self.cseq - back, method, offer, unreadable, expires, refresher, snapshot))

    @rule(answer=answers)
    def an_ack(self, answer: Description | None) -> None:
        self.happens(events.Acknowledged(answer))

    @rule(event=st.sampled_from([events.Waited(), events.ByeAnswered(), events.Tick()]))
    def something_is_over(self, event: events.Event) -> None:
        self.happens(event)

    @rule()
    def time_passes(self) -> None:
        deadline = self.session.next_deadline()
        if deadline is not None:
            self.now = max(self.now, deadline)
        self.happens(events.Tick())
        after = self.session.next_deadline()
        assert after is None or after > self.now or self.session.dialog is not DialogState.CONFIRMED, "a busy loop"

    @precondition(lambda self: self.sends)
    @rule(ours=st.booleans(), really=st.integers(0, 9))
    def the_end(self, ours: bool, really: int) -> None:
        if really < 2:
            self.cseq += 1
            self.happens((events.Lost() if really else events.Stop()) if ours else events.Ended(self.cseq))

    @invariant()
    def what_always_holds(self) -> None:
        if not hasattr(self, "session"):
            return
        silent = {stream.label for stream in self.streams if stream.paused or stream.removed}
        assert not self.flowing & silent, "a pause is heard"
        assert self.overs <= 1
        if self.overs or self.session.dialog is not DialogState.CONFIRMED:
            assert not self.flowing
        if self.overs:
            assert self.session.dialog is not DialogState.CONFIRMED, "the dialog is left open"


Sessions.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSessions = Sessions.TestCase
