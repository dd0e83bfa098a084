"""Offer and answer between a recording client, which is us, and a recording server (RFC 3264, RFC 7866 section 7).

Pure functions: descriptions in, descriptions out. We send only: each stream is a media line of its own, labelled and
``sendonly`` (RFC 7866 section 7.1.1), in the place that it had from the first offer on (RFC 3264 section 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faults import RecordingServerProtocolBroken
from siprec_app.protocol import crypto as sdes
from siprec_app.protocol.crypto import Crypto
from siprec_app.protocol.sdp import Description, Direction, Format, Media, Origin

CODECS = frozenset({"PCMU", "PCMA"})
"""What the streams can be sent in. Telephone events are never offered: digits are not recorded."""

UNREACHABLE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # nothing is bound to them here
"""Addresses that nothing is sent to; the first two are the old way to hold a stream (RFC 3264 section 8.4)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction of a call, as it is to be offered.

    Attributes:
        label: names it in the metadata; the same for as long as the session lasts (RFC 7866 section 7.1.1, RFC 4574).
        port: where its RTCP, and nothing else, is received; RTP comes from there too (RFC 7866 section 8.1.8).
        paused: offered as ``inactive`` (RFC 7866 section 7.1.1.1).
        removed: offered with port 0, and never again with another one.
        crypto: our keys; then, and only then, it is offered as ``RTP/SAVP`` (RFC 4568 section 5.1.1).
    """

    label: str
    port: int
    paused: bool = False
    removed: bool = False
    crypto: tuple[Crypto, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Where one stream is sent.

    Attributes:
        label: of our offer.
        host, port: where RTP goes.
        rtcp_port: where RTCP goes; the same as ``port`` when both sides multiplex (RFC 5761 section 5.1.1).
        codec: in what it is sent; the first that the answer names and we have (RFC 3264 section 6.1).
        ptime: ms in a packet that the server asks for, or None (RFC 8866 section 6.4).
        key: what we send with, and what the server's RTCP comes with; None for plain RTP.
    """

    label: str
    host: str
    port: int
    rtcp_port: int
    codec: Format
    ptime: int | None = None
    key: tuple[Crypto, Crypto] | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an offer and its answer come to.

    Attributes:
        flows: the streams that the server takes now.
        waiting: labels that it accepts and does not want yet; it asks for them later (RFC 7866 section 7.2).
        refused: labels that it does not take, by port 0 or by an answer that cannot be used.
    """

    flows: tuple[Flow, ...] = ()
    waiting: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


def offer(origin: Origin, streams: Sequence[Stream], codecs: Sequence[Format], *, ptime: int = 20,
          rtcp_mux: bool = False) -> Description:
    """What we offer for these streams, in their order.

    Args:
        origin: its host is where our streams come from.
        codecs: in the order in which we like them.
        ptime: ms of audio in each packet.
        rtcp_mux: offer RTP and RTCP on one port.

    Raises:
        ValueError: two streams have one label: the server could not tell them apart (RFC 4574 section 4).
    """
    if len({stream.label for stream in streams}) != len(streams):
        raise ValueError("each stream has a label of its own")
    return Description(origin=origin, media=tuple(
        Media(port=0 if stream.removed else stream.port, formats=tuple(codecs), host=origin.host,
              profile="RTP/SAVP" if stream.crypto else "RTP/AVP",
              direction=Direction.INACTIVE if stream.paused or stream.removed else Direction.SENDONLY,
              label=stream.label, ptime=ptime, rtcp_mux=rtcp_mux, crypto=stream.crypto)
        for stream in streams))


def revised(sent: Description, wanted: Description) -> Description:
    """``wanted`` as it follows ``sent``: the same origin, and a version that is one more if anything differs.

    Raises:
        ValueError: it would take a line away, or a label would change its place. A stream is removed by port 0
            (RFC 3264 section 8.2); a new one comes behind the others, or takes the place of a removed one (8.1).
    """
    assert sent.origin is not None
    for before, after in zip(sent.media, wanted.media, strict=False):
        if before.label != after.label and before.port != 0:
            raise ValueError(f"the stream {before.label} would leave its place")
    if len(wanted.media) < len(sent.media):
        raise ValueError("a media line would be missing")
    # RFC 3264 section 8: the same content has the same origin.
    if (sent.media, sent.name) == (wanted.media, wanted.name):
        return sent
    return replace(wanted, origin=replace(sent.origin, version=sent.origin.version + 1))


def agreement(offered: Description, answered: Description) -> Agreement:
    """What the server takes of our offer.

    An answer has the lines of the offer in their order (RFC 3264 section 6). Where the labels in it say that its lines
    are in another order, the labels are believed. Lines that are missing are refused.

    Raises:
        RecordingServerProtocolBroken: there are more lines than we offered (RFC 7866 section 7.2: a server adds none).
    """
    if len(answered.media) > len(offered.media):
        raise RecordingServerProtocolBroken("An answer has more media lines than the offer.",
                                            offered=len(offered.media), answered=len(answered.media))
    flows: list[Flow] = []
    waiting: set[str] = set()
    refused: set[str] = set()
    for ours, theirs in zip(offered.media, _in_order(offered, answered), strict=True):
        if ours.label is None or ours.port == 0:
            continue  # a line that the server once added, or a stream that we have removed
        flow = None if theirs is None else _flow(ours, theirs)
        if theirs is None or flow is None:
            refused.add(ours.label)
        elif ours.direction is Direction.INACTIVE or not theirs.direction.receives or theirs.host in UNREACHABLE:
            waiting.add(ours.label)
        else:
            flows.append(flow)
    return Agreement(tuple(flows), frozenset(waiting), frozenset(refused))


def _in_order(offered: Description, answered: Description) -> list[Media | None]:
    """The answer's lines in the offer's order, None for those that are missing."""
    ours = [media.label for media in offered.media]
    theirs = [media.label for media in answered.media]
    by_label = {media.label: media for media in answered.media}
    if len(by_label) == len(theirs) and set(by_label) <= set(ours) and None not in by_label:
        return [by_label.get(label) for label in ours]
    return [*answered.media, *[None] * (len(ours) - len(theirs))]


def _flow(ours: Media, theirs: Media) -> Flow | None:
    """Where the stream would go, or None when it cannot: refused, no codec, or protection that is not as offered."""
    assert ours.label is not None
    codec = _codec(theirs, ours)
    if 0 in (ours.port, theirs.port) or codec is None or _protected(ours) != _protected(theirs):
        return None
    key = sdes.chosen(ours.crypto, theirs.crypto) if ours.crypto else None
    if ours.crypto and key is None:
        return None  # never in the clear what was offered encrypted
    mux = ours.rtcp_mux and theirs.rtcp_mux
    return Flow(label=ours.label, host=theirs.host, port=theirs.port, codec=codec, ptime=theirs.ptime, key=key,
                rtcp_port=theirs.port if mux else theirs.rtcp_port or theirs.port + 1)


def _codec(theirs: Media, ours: Media) -> Format | None:
    """The first of theirs that is one of ours, with the number that they gave it."""
    names = {(item.name, item.rate) for item in ours.formats} if theirs.kind == ours.kind else set()
    return next((item for item in theirs.formats
                 if item.name in CODECS and (item.name, item.rate) in names and item.word.isdecimal()
                 and int(item.word) < 128), None)


def _protected(media: Media) -> bool:
    return "SAVP" in media.profile


def answer(sent: Description, wanted: Description, offered: Description) -> tuple[Description, Agreement] | None:
    """Our answer to an offer of the server, in a re-INVITE or UPDATE of its own, and what it comes to.

    We go on sending, or begin when it asks for a stream that it had left inactive (RFC 7866 section 7.2). Lines that
    it adds are refused, since a server may add none; a stream with port 0 is gone (RFC 3264 section 8.2).

    Args:
        sent: our last description, whose lines the offer repeats.
        wanted: the streams as they should be now, in the same lines: what is ``inactive`` there stays so.

    Returns:
        None when it has to be refused with 488 (Not Acceptable Here), which changes nothing (RFC 3261 section 14.2):
        a line is missing, no codec in common, or protection is asked for otherwise than it was.
    """
    if len(offered.media) < len(sent.media):
        return None
    pairs = [_answered(mine, theirs) for mine, theirs in zip(wanted.media, offered.media, strict=False)]
    taken = [pair for pair in pairs if pair is not None]
    if len(taken) < len(pairs):
        return None
    lines = [mine for mine, _ in taken]
    # RFC 3264 section 6: as many lines as the offer has, with its kinds and profiles.
    lines += [_declined(theirs, theirs, None) for theirs in offered.media[len(lines):]]
    answered = revised(sent, replace(wanted, media=tuple(lines)))
    return answered, agreement(answered, replace(offered, media=tuple(theirs for _, theirs in taken)))


def _answered(mine: Media, theirs: Media) -> tuple[Media, Media] | None:
    """Our line, and the offered one with nothing but the key that we took; None when they do not fit."""
    if 0 in (mine.port, theirs.port):
        return _declined(mine, theirs, mine.label), replace(theirs, port=0)
    codec = _codec(theirs, mine)
    if codec is None or _protected(mine) != _protected(theirs):
        return None
    if _protected(mine):
        # RFC 4568 section 5.1.2: the first line that we can use, answered with its tag and a key of our own.
        keys = {line.suite: line for line in mine.crypto}
        taken = next((line for line in theirs.crypto if line.suite in keys), None)
        if taken is None:
            return None
        theirs = replace(theirs, crypto=(taken,))
        mine = replace(mine, crypto=(replace(keys[taken.suite], tag=taken.tag),))
    # RFC 3264 section 6.1: what is offered as recvonly is answered as sendonly or inactive, sendonly as inactive here.
    wanted = mine.direction.sends and theirs.direction.receives and theirs.host not in UNREACHABLE
    return replace(mine, formats=(codec,), rtcp_mux=mine.rtcp_mux and theirs.rtcp_mux, profile=theirs.profile,
                   direction=Direction.SENDONLY if wanted else Direction.INACTIVE), theirs


def _declined(mine: Media, theirs: Media, label: str | None) -> Media:
    return Media(port=0, kind=theirs.kind, profile=theirs.profile, host=mine.host, label=label,
                 formats=tuple(Format(item.word) for item in theirs.formats) or (Format("0"),),
                 direction=Direction.INACTIVE)
