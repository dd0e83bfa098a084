"""sipp as a recording client: the steps of one session, run once against a server. sipp knows nothing of SIPREC."""

from __future__ import annotations

import asyncio
import subprocess
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.ports import free_udp_port

__all__ = ["METADATA", "SippClient", "accept", "answered", "ask", "bye", "invite", "offer", "part", "told"]

HOST = "127.0.0.4"
_GRACE = 20.0

METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>
<session session_id="AAAAAAAAAAAAAAAAAAAAAQ=="/></recording>"""

_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:client@[local_ip]:[local_port]>;tag=client-[call_number]
Call-ID: [call_id]
Max-Forwards: 70"""
_CONTACT = "Contact: <sip:client@[local_ip]:[local_port];transport=[transport]>"


def offer(*ports: int, labels: bool = True, direction: str = "sendonly", version: int = 1, profile: str = "RTP/AVP",
          keys: Sequence[str] = ()) -> str:
    """A session description with an audio line for each port, labelled 1, 2 and so on; `keys`: an attribute for each
    line."""
    lines = ["v=0", f"o=- 1 {version} IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0"]
    for number, port in enumerate(ports, 1):
        lines += [f"m=audio {port} {profile} 0", "a=rtpmap:0 PCMU/8000", f"a={direction}",
                  *([f"a=label:{number}"] if labels else []), *keys[number - 1:number]]
    return "\n".join(lines) + "\n"


def part(sdp: str, metadata: str = METADATA) -> tuple[str, str]:
    """Type and body of both, as one (RFC 7866, 9.1)."""
    return "multipart/mixed;boundary=parts", (
        f"--parts\nContent-Type: application/sdp\n\n{sdp}\n--parts\nContent-Type: application/rs-metadata+xml\n"
        f"Content-Disposition: recording-session\n\n{metadata}\n--parts--\n")


def invite(body: tuple[str, str], *, cseq: int = 1, require: str = "siprec", contact: str = ";+sip.src",
           more: str = "") -> str:
    """An INVITE, a later one within the dialog. `body`: its type and itself, nothing where that is empty."""
    kind, content = body
    first = cseq == 1
    target = "sip:recorder@[remote_ip]:[remote_port]" if first else "[next_url]"
    to = "To: <sip:recorder@[remote_ip]:[remote_port]>" if first else "[last_To:]"
    lines = [f"INVITE {target} SIP/2.0", _HEAD, to, f"CSeq: {cseq} INVITE", _CONTACT + contact,
             "Allow: INVITE, ACK, BYE, CANCEL, UPDATE",
             *([f"Require: {require}"] if require else []), *([more] if more else []),
             *([f"Content-Type: {kind}"] if content else [])]
    return _send("\n".join(lines), content, ' retrans="500"')


def answered(status: int, *, holds: str = "", cseq: int = 1) -> str:
    """The final response to an INVITE, which is acknowledged. `holds`: an expression that it has to match."""
    check = (f'<action><ereg regexp="{holds}" search_in="msg" check_it="true" assign_to="held"/>'
             '<log message="[$held]"/></action>') if holds else ""
    target = "[next_url]" if status == 200 else "sip:recorder@[remote_ip]:[remote_port]"
    # The ACK of a refusal belongs to the INVITE's transaction (RFC 3261, 17.1.1.3).
    branch = "branch=[branch]" if status == 200 else "branch=[branch-3]"
    ack = "\n".join([f"ACK {target} SIP/2.0", _HEAD.replace("branch=[branch]", branch), "[last_To:]",
                     f"CSeq: {cseq} ACK"])
    return (f'<recv response="100" optional="true"/><recv response="{status}" rrs="true">{check}</recv>'
            f"{_send(ack)}")


def bye(cseq: int = 2) -> str:
    """The client ends the session."""
    request = "\n".join(["BYE [next_url] SIP/2.0", _HEAD, "[last_To:]", f"CSeq: {cseq} BYE"])
    return _send(request, more=' retrans="500"') + '<recv response="200"/>'


def ask(method: str, sdp: str = "") -> str:
    """A request of the server, which is granted; an INVITE with its ACK."""
    lines = ["SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]", _CONTACT,
             *(["Content-Type: application/sdp"] if sdp else [])]
    return (f'<recv request="{method}"/>{_send(chr(10).join(lines), sdp)}'
            + ('<recv request="ACK"/>' if method == "INVITE" else ""))


def accept(*ports: int) -> str:
    """The set-up of a session with so many streams, as it should be."""
    return invite(part(offer(*ports))) + answered(200)


def told(*ports: int, direction: str = "sendonly", version: int = 2) -> str:
    """The client's answer to an offer of the server's."""
    return offer(*ports, direction=direction, version=version)


def _send(head: str, body: str = "", more: str = "") -> str:
    return f"<send{more}><![CDATA[\n{head}\nContent-Length: [len]\n\n{body}]]></send>"


class SippClient:
    """Its steps in one session; an async context manager that ends what did not finish.

    Args:
        transport: udp or tcp.
    """

    def __init__(self, folder: Path, port: int, *steps: str, transport: str = "udp") -> None:
        self._folder, self._port, self._steps, self._transport = folder, port, steps, transport
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "client.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="client">\n' + "\n".join(self._steps)
            + "\n</scenario>\n")
        with (self._folder / "screen").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                "sipp", "-sf", "client.xml", "-i", HOST, "-p", str(free_udp_port(HOST)), "-m", "1", "-nostdin",
                "-t", "u1" if self._transport == "udp" else "t1", "-trace_msg", "-message_file", "messages",
                "-trace_err", "-error_file", "errors", f"127.0.0.1:{self._port}",
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.STDOUT)
        return self

    async def done(self) -> None:
        """Returns when all of its steps were made.

        Raises:
            AssertionError: something else came than they say; with what sipp says of it.
        """
        assert self._process is not None
        async with asyncio.timeout(_GRACE):
            status = await self._process.wait()
        errors = self._folder / "errors"
        assert status == 0, errors.read_text(errors="replace")[-3000:] if errors.exists() else f"status {status}"

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
