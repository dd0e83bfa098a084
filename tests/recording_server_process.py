"""The recording server of the tests: PJSIP as a strict server of RFC 7866, in a process of its own.

Run by the Python of `.cache/pjsua2` with one argument, a JSON object (see `Settings`). Each line of standard input is a
command, each of standard output an event, both JSON objects; `tests/recording_server.py` has their meaning for a test.
What PJSIP has to say goes into `pjsip.log` in its folder, what kills it to standard error. The end of standard input
ends it.

PJSIP checks an INVITE by itself: without `Require: siprec`, `+sip.src` in Contact, a label on each media line and a
part with metadata it is refused before this program hears of it. Hence every message is reported from PJSIP's log.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pjsua2

_MESSAGE = re.compile(r"(RX|TX) \d+ bytes .*? (?:from|to) \w+ (\S+?):\n(.*)\n--end msg--", re.DOTALL)
_LABEL = re.compile(r"^a=label:(\S+)", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(?:sendrecv|sendonly|recvonly|inactive)\b", re.MULTILINE)
_POLL_MS = 10
_NO_OFFER = pjsua2.PJSUA_CALL_NO_SDP_OFFER


@dataclass(frozen=True)
class Settings:
    """What the server is like.

    folder: for recordings and logs. transport: udp, tcp or tls, on a port of 127.0.0.1. certificate, key: for TLS;
    clients: the authority that has to have signed the client's certificate, which then is required. srtp: off, optional
    or mandatory. least_interval: Min-SE, in seconds (RFC 4028).
    """

    folder: str
    transport: str
    port: int
    certificate: str
    key: str
    clients: str
    srtp: str
    least_interval: int


@dataclass
class Policy:
    """How the next INVITEs are answered: with which status and headers, in which direction where that is not PJSIP's
    own choice."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    direction: str = ""


_EVENTS = os.fdopen(os.dup(1), "w")


def report(event: str, **what: object) -> None:
    """One event on standard output."""
    _EVENTS.write(json.dumps({"event": event, **what}) + "\n")
    _EVENTS.flush()


def audio_lines(sdp: str) -> int:
    """How many media lines of audio it has."""
    return len(re.findall(r"^m=audio ", sdp, re.MULTILINE))


class Log(pjsua2.LogWriter):  # type: ignore[misc]
    """Reports each SIP message that comes or goes."""

    def write(self, entry: Any) -> None:
        if found := _MESSAGE.search(entry.msg):
            report("message", incoming=found[1] == "RX", peer=found[2], text=found[3])


@dataclass
class Track:
    """What was heard under one label."""

    recorder: Any
    path: Path
    statistics: list[dict[str, int]] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether its header says how long it is: another thread writes that some time after the end."""
        with self.path.open("rb") as file:
            header = file.read(44)
        size = self.path.stat().st_size
        whole, audio = (int.from_bytes(header[at:at + 4], "little") for at in (4, 40))
        return (whole, audio) == (size - 8, size - 44)


class Session(pjsua2.Call):  # type: ignore[misc]
    """One recording session."""

    def __init__(self, account: Any, number: int, server: Server, name: str) -> None:
        super().__init__(account, number)
        self.server, self.name = server, name
        self.direction = server.policy.direction
        self.labels: list[str] = []
        self.tracks: dict[str, Track] = {}
        self.over = False

    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802 - PJSIP's name
        """Our answers in the direction that was asked for; our offers as those of a recorder, with the labels."""
        offered = prm.remSdp.wholeSdp
        head, *sections = re.split(r"^(?=m=)", prm.sdp.wholeSdp, flags=re.MULTILINE)
        if offered:
            self.labels = [found[1] if (found := _LABEL.search(section)) else ""
                           for section in re.split(r"^(?=m=)", offered, flags=re.MULTILINE)[1:]]
        if not offered or self.direction:
            sections = [_DIRECTION.sub(f"a={self.direction or 'recvonly'}", section) for section in sections]
        if not offered:
            sections = [section if _LABEL.search(section) else f"{section.rstrip()}\r\na=label:{label}\r\n"
                        for section, label in zip(sections, self.labels, strict=True)]
        prm.sdp.wholeSdp = head + "".join(sections)

    def onCallRxReinvite(self, prm: Any) -> None:  # noqa: N802
        prm.opt.audioCount = audio_lines(prm.offer.wholeSdp)
        prm.opt.textCount = prm.opt.videoCount = 0

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()  # has to live as long as its media
        streams = []
        for media in info.media:
            label = self.labels[media.index] if media.index < len(self.labels) else ""
            # The status of what is only received is that of a hold.
            listening = bool(media.dir & pjsua2.PJMEDIA_DIR_DECODING)
            streams.append({"label": label, "listening": listening})
            if listening:
                self.getAudioMedia(media.index).startTransmit(self.track(label).recorder)
        report("media", call=self.name, streams=streams)

    def track(self, label: str) -> Track:
        """That of the label, made when it is first heard."""
        if label not in self.tracks:
            path = self.server.folder / f"session{self.getId()}-{len(self.server.files)}.wav"
            self.server.files.append(path)
            recorder = pjsua2.AudioMediaRecorder()
            recorder.createRecorder(str(path))
            self.tracks[label] = Track(recorder, path)
        return self.tracks[label]

    def onStreamDestroyed(self, prm: Any) -> None:  # noqa: N802
        """Keeps what PJSIP has counted: a later stretch starts from zero."""
        index = prm.streamIdx
        if index >= len(self.labels) or self.labels[index] not in self.tracks:
            return
        received = self.getStreamStat(index).rtcp.rxStat
        self.tracks[self.labels[index]].statistics.append({
            "packets": received.pkt, "lost": received.loss, "duplicates": received.dup,
            "reordered": received.reorder, "discarded": received.discard})

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        if self.getInfo().state == pjsua2.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True

    def close(self) -> None:
        """Lets go of the recorders, so that their files are finished."""
        for track in self.tracks.values():
            track.recorder = None

    def told(self) -> bool:
        """Report the end once the files are whole; whether it was reported."""
        if not all(track.closed for track in self.tracks.values()):
            return False
        report("ended", call=self.name, tracks={
            label: {"path": str(track.path), "statistics": track.statistics} for label, track in self.tracks.items()})
        return True


class Account(pjsua2.Account):  # type: ignore[misc]
    """Takes the INVITEs that PJSIP lets through."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        name = re.search(r"^(?:Call-ID|i)\s*:\s*(\S+)", prm.rdata.wholeMsg, re.MULTILINE | re.IGNORECASE)
        assert name is not None
        session = Session(self, prm.callId, self.server, name[1])
        self.server.sessions[session.name] = session
        self.server.answer(session, self.server.policy, audio_lines(prm.rdata.wholeMsg))


class Server:
    """PJSIP with one account, and the sessions that it has."""

    def __init__(self, settings: Settings) -> None:
        self.folder = Path(settings.folder)
        self.policy = Policy()
        self.sessions: dict[str, Session] = {}
        self.files: list[Path] = []
        self.closing: list[Session] = []
        self.early: list[dict[str, Any]] = []
        self.log = Log()
        self.endpoint = pjsua2.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(self._configuration())
        self._listen(settings)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            known = codec.codecId.startswith(("PCMU/8000", "PCMA/8000"))
            self.endpoint.codecSetPriority(codec.codecId, 128 if known else 0)
        self.account = Account(self)
        self.account.create(self._account(settings))

    def _configuration(self) -> Any:
        made = pjsua2.EpConfig()
        made.uaConfig.threadCnt = 0
        made.uaConfig.mainThreadOnly = True
        made.uaConfig.maxCalls = 64
        made.uaConfig.userAgent = "strict"
        made.logConfig.level = made.logConfig.consoleLevel = 5
        made.logConfig.msgLogging = 1
        made.logConfig.filename = str(self.folder / "pjsip.log")
        made.logConfig.writer = self.log
        made.medConfig.clockRate = made.medConfig.sndClockRate = 8000
        made.medConfig.ecTailLen = 0
        made.medConfig.noVad = True
        # What comes late through a busy machine is waited for, not dropped.
        made.medConfig.jbInit, made.medConfig.jbMinPre = 100, 100
        made.medConfig.jbMaxPre, made.medConfig.jbMax = 400, 1000
        made.medConfig.jbDiscardAlgo = pjsua2.PJMEDIA_JB_DISCARD_NONE
        return made

    def _listen(self, settings: Settings) -> None:
        kinds = {"udp": pjsua2.PJSIP_TRANSPORT_UDP, "tcp": pjsua2.PJSIP_TRANSPORT_TCP,
                 "tls": pjsua2.PJSIP_TRANSPORT_TLS}
        made = pjsua2.TransportConfig()
        made.port, made.boundAddress = settings.port, "127.0.0.1"
        made.tlsConfig.certFile, made.tlsConfig.privKeyFile = settings.certificate, settings.key
        made.tlsConfig.CaListFile = settings.clients
        made.tlsConfig.verifyClient = made.tlsConfig.requireClientCert = bool(settings.clients)
        made.tlsConfig.proto = pjsua2.PJ_SSL_SOCK_PROTO_TLS1_2 | pjsua2.PJ_SSL_SOCK_PROTO_TLS1_3
        self.endpoint.transportCreate(kinds[settings.transport], made)

    def _account(self, settings: Settings) -> Any:
        srtp = {"off": pjsua2.PJMEDIA_SRTP_DISABLED, "optional": pjsua2.PJMEDIA_SRTP_OPTIONAL,
                "mandatory": pjsua2.PJMEDIA_SRTP_MANDATORY}
        made = pjsua2.AccountConfig()
        made.idUri = f"sip:recorder@127.0.0.1:{settings.port}"
        made.callConfig.siprecUse = pjsua2.PJSUA_SIP_SIPREC_MANDATORY
        made.callConfig.timerUse = pjsua2.PJSUA_SIP_TIMER_ALWAYS
        made.callConfig.timerMinSESec = settings.least_interval
        made.mediaConfig.lockCodecEnabled = False
        made.mediaConfig.srtpUse = srtp[settings.srtp]
        made.mediaConfig.srtpSecureSignaling = 0
        media = made.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = "127.0.0.1"
        media.port, media.portRange, media.randomizePort = 12_000, 8_000, True
        return made

    def answer(self, session: Session, policy: Policy, lines: int) -> None:
        """Answer its INVITE, which offers so many audio lines."""
        prm = pjsua2.CallOpParam(True)
        prm.statusCode = policy.status
        prm.opt.audioCount, prm.opt.textCount, prm.opt.videoCount = lines, 0, 0
        headers = pjsua2.SipHeaderVector()
        for name, value in policy.headers.items():
            header = pjsua2.SipHeader()
            header.hName, header.hValue = name, value
            headers.append(header)
        prm.txOption.headers = headers
        session.answer(prm)

    def perform(self, command: dict[str, Any]) -> None:
        """One command of the test's; before the client's ACK it has to wait.

        Raises:
            KeyError: there is no such session any more.
            pjsua2.Error: PJSIP will not.
        """
        if command["do"] == "answer":
            self.policy = Policy(command["status"], command["headers"], command["direction"])
            return
        session = self.sessions[command["call"]]
        if session.getInfo().state < pjsua2.PJSIP_INV_STATE_CONFIRMED:
            self.early.append(command)
            return
        prm = pjsua2.CallOpParam(True)
        prm.opt.audioCount, prm.opt.textCount, prm.opt.videoCount = len(session.labels), 0, 0
        if command["do"] == "bye":
            session.hangup(prm)
            return
        session.direction = command["direction"]
        if not session.direction:
            prm.opt.flag |= _NO_OFFER
        parts = pjsua2.SipMultipartPartVector()
        for kind, body in command["parts"]:
            part = pjsua2.SipMultipartPart()
            part.contentType.type, part.contentType.subType = kind.split("/")
            part.body = body
            parts.append(part)
        if parts:
            prm.txOption.multipartContentType.type = "multipart"
            prm.txOption.multipartContentType.subType = "mixed"
            prm.txOption.multipartParts = parts
        (session.reinvite if command["do"] == "reinvite" else session.update)(prm)

    def run(self) -> None:
        """Until standard input ends."""
        pending = b""
        while True:
            self.endpoint.libHandleEvents(_POLL_MS)
            self._bury()
            commands, self.early = self.early, []
            if select.select([0], [], [], 0)[0]:
                if not (read := os.read(0, 65536)):
                    return
                *lines, pending = (pending + read).split(b"\n")
                commands += map(json.loads, lines)
            for command in commands:
                try:
                    self.perform(command)
                except (KeyError, pjsua2.Error) as error:
                    reason = error.info() if isinstance(error, pjsua2.Error) else f"no session {error}"
                    report("failed", command=command, reason=reason)

    def _bury(self) -> None:
        """Not from within PJSIP's own calls: it still uses the session there."""
        for name in [name for name, session in self.sessions.items() if session.over]:
            session = self.sessions.pop(name)
            session.close()
            self.closing.append(session)
        self.closing = [session for session in self.closing if not session.told()]


def main() -> None:
    """Serve until told to end."""
    os.dup2(2, 1)  # without a log of ours, PJSIP writes what it still has to say there
    settings = Settings(**json.loads(sys.argv[1]))
    server = Server(settings)
    report("ready", version=server.endpoint.libVersion().full)
    server.run()
    for session in server.sessions.values():
        session.close()
    server.sessions.clear()
    server.account.shutdown()
    server.endpoint.libDestroy(pjsua2.PJSUA_DESTROY_NO_NETWORK)


if __name__ == "__main__":
    main()
