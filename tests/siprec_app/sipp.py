"""sipp as a recording server: a scenario made of steps, run once. What was sent and received lies in its log.

sipp takes a message that is not in its scenario for a failure, and ends with another status than 0.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

from bench.ports import free_udp_port
from tests.siprec_app.sdp_answers import ANSWER

__all__ = ["ACCEPTED", "CONTACT", "ENDED", "Sipp", "accept", "again", "ask", "pause", "recv", "reply", "response",
           "together", "verified"]

HOST = "127.0.0.3"
TAG = "srs-[call_number]"
CONTACT = "Contact: <sip:srs@[local_ip]:[local_port];transport=[transport]>"
GRACE = 20.0

_FIRST = (r'<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="their_from"/>'
          r'<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="their_contact"/>'
          r'<log message="[$their_from] [$their_contact]"/></action>')


def recv(method: str, *, first: bool = False, holds: str = "") -> str:
    """A request of the client. ``first`` keeps who it is; ``holds`` is an expression that it has to match."""
    return f'<recv request="{method}" crlf="true">{_FIRST if first else ""}{_held(holds)}</recv>'


def _held(holds: str) -> str:
    # sipp reads XML in its own way: a value stands in double quotes.
    expression = escape(holds, {'"': "&quot;"})
    return holds and (f'<action><ereg regexp="{expression}" search_in="msg" check_it="true" assign_to="held"/>'
                      '<log message="[$held]"/></action>')


def verified(method: str, user: str, password: str, label: int) -> str:
    """A request of the client whose credentials sipp finds right; to others it says 403, which no test expects."""
    return together(
        f'<recv request="{method}" crlf="true"><action><ereg regexp=".*" search_in="hdr" header="From:" '
        'assign_to="their_from"/><ereg regexp="sip:[^>]*" search_in="hdr" header="From:" assign_to="their_contact"/>'
        f'<verifyauth assign_to="right" username="{user}" password="{password}"/></action></recv>',
        f'<nop next="{label}" test="right"/>', reply(403, tag=""), f'<label id="{label}"/>')


def response(status: int, *, holds: str = "") -> str:
    """A response of the client."""
    return f'<recv response="{status}">{_held(holds)}</recv>'


def reply(status: int, *fields: str, body: str = "", tag: str = TAG) -> str:
    """A response to the client's last request. A 2xx is not sent again by itself."""
    to = "[last_To:]" if not tag else f"[last_To:];tag={tag}"
    lines = [f"SIP/2.0 {status} Because", "[last_Via:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]", *fields]
    return _send(lines, body)


def accept(*fields: str, body: str = ANSWER) -> str:
    """A 200 to the first INVITE, with an answer for two streams."""
    return reply(200, CONTACT, "Allow: INVITE, UPDATE, BYE, OPTIONS", *fields, body=body)


def again(*fields: str, body: str = ANSWER) -> str:
    """A 200 to a request within the dialog, whose To has the tag."""
    return reply(200, CONTACT, *fields, body=body, tag="")


def ask(method: str, cseq: int, *fields: str, body: str = "", kind: str = "application/sdp", tag: str = TAG) -> str:
    """A request of the server within the dialog."""
    return _send([f"{method} [$their_contact] SIP/2.0",
                  "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
                  "Max-Forwards: 70", f"From: <sip:srs@[local_ip]>;tag={tag}", "To:[$their_from]", "[last_Call-ID:]",
                  f"CSeq: {cseq} {method}", CONTACT, *fields], body, kind)


def _send(lines: Sequence[str], body: str, kind: str = "application/sdp") -> str:
    has = any(line.lower().startswith("content-type") for line in lines)
    lines = [*lines, *([f"Content-Type: {kind}"] if body and not has else []), "Content-Length: [len]", "", body]
    text = "\n".join(lines).replace("\r\n", "\n")
    return f"<send><![CDATA[\n\n{text}\n]]></send>"


def pause(seconds: float) -> str:
    return f'<pause milliseconds="{round(1000 * seconds)}"/>'


def together(*steps: str) -> str:
    return "\n".join(steps)


ACCEPTED = together(recv("INVITE", first=True), accept(), recv("ACK"))
ENDED = together(recv("BYE"), reply(200, tag=""))


class Sipp:
    """A scenario on a port of its own; an async context manager.

    Args:
        transport: ``u1`` or ``t1``.
    """

    def __init__(self, folder: Path, *steps: str, transport: str = "u1") -> None:
        self._folder = folder
        self._steps = steps
        self._transport = transport
        self.port = free_udp_port(HOST)
        self._process: Process | None = None

    @property
    def uri(self) -> str:
        return f"sip:srs@{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        assert shutil.which("sipp"), "there is no sipp here: `make setup` installs it (Debian: sip-tester)"
        scenario = self._folder / "server.xml"
        scenario.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="server">\n'
                            + "\n".join(self._steps) + "\n</scenario>\n")
        with (self._folder / "screen").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                "sipp", "-sf", scenario.name, "-i", HOST, "-p", str(self.port), "-m", "1", "-nostdin",
                "-t", self._transport, "-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages",
                "-timeout", "50s", "-timeout_error", "-deadcall_wait", "0", cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=screen, stderr=subprocess.STDOUT)
        async with asyncio.timeout(GRACE):
            while not self._taken():
                assert self._process.returncode is None, self._told()
                await asyncio.sleep(0.02)
        return self

    def _taken(self) -> bool:
        kind = socket.SOCK_DGRAM if self._transport[0] == "u" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, self.port))
            except OSError:
                return True
        return False

    async def done(self) -> str:
        """Wait until the scenario has run to its end as it should; what was said, in order."""
        assert self._process is not None
        async with asyncio.timeout(55):
            status = await self._process.wait()
        assert status == 0, self._told()
        return self.messages()

    def messages(self) -> str:
        """The log of messages so far."""
        path = self._folder / "messages"
        return path.read_text(errors="replace").replace("\r\n", "\n") if path.exists() else ""

    def _told(self) -> str:
        return "\n".join((self._folder / name).read_text(errors="replace")[-3000:] for name in ("errors", "screen")
                         if (self._folder / name).exists()) + self.messages()[-6000:]

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
