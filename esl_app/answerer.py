"""Who answers the calls by which FreeSWITCH sends the audio of taps, one call a direction: a SIP server over UDP.

It takes nothing but calls that it expects: their number is drawn for one tap, and good for one call. What it answers
names the address where the audio is received; it receives none itself. An answer depends on the request alone, so one
that was lost is given again when the request is repeated, and no timer of a transaction is needed.

Within 90 seconds FreeSWITCH has to say again that the call is there (RFC 4028). When nobody answers that, because
this process is dead, it ends the call, and with it the tap.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from secrets import token_hex
from typing import cast

from esl_app import sip
from faults import SwitchOperationFailed
from recorder.ports import RtpAddress

_ALLOWED = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE"
_EXPIRES = "90"
"""Seconds until an unrefreshed call is over: the least that there is."""
_TIMERS = {"require": "timer", "session-expires": f"{_EXPIRES};refresher=uac"}


@dataclass(slots=True)
class _Expected:
    to: RtpAddress
    codec: str
    tag: str
    call_id: str = ""


class Answerer(asyncio.DatagramProtocol):
    """The calls that are expected at one address.

    Args:
        host, port: where it listens, as FreeSWITCH sees it; port 0 is any that is free.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._opening = asyncio.Lock()
        self._expected: dict[str, _Expected] = {}

    async def open(self) -> str:
        """Listen, if it does not yet; the address and the port, for a SIP URI.

        Raises:
            SwitchOperationFailed: the address cannot be used.
        """
        async with self._opening:
            if self._transport is None:
                try:
                    await asyncio.get_running_loop().create_datagram_endpoint(
                        lambda: self, local_addr=(self._host, self._port))
                except OSError as error:
                    raise SwitchOperationFailed("The address of `taps_listen` cannot be used.",
                                                cause=error.strerror or str(error)) from error
        return self._address

    def close(self) -> None:
        """Listen no more; the calls that are there end by themselves."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def expect(self, to: RtpAddress, codec: str) -> str:
        """Answer one call.

        Args:
            to: where its audio goes. codec: PCMU or PCMA.

        Returns:
            Its number.
        """
        number = token_hex(16)
        self._expected[number] = _Expected(to, codec, tag=token_hex(8))
        return number

    def forget(self, number: str) -> None:
        """Answer no call of that number any more, be it on its way or there."""
        self._expected.pop(number, None)

    @property
    def expected(self) -> int:
        """How many calls are expected or there."""
        return len(self._expected)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio``."""
        # Python 3.11's is not derived from DatagramTransport, so that no isinstance can tell.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See ``asyncio``."""
        request = sip.request(data)
        if request is not None and request.method != "ACK" and self._transport is not None:
            self._transport.sendto(self._answer(request), addr)

    @property
    def _address(self) -> str:
        assert self._transport is not None
        return f"{self._host}:{self._transport.get_extra_info('sockname')[1]}"

    def _answer(self, request: sip.Request) -> bytes:
        if request.method == "OPTIONS":
            return sip.response(request, "200 OK", tag=token_hex(8), headers={"allow": _ALLOWED})
        call = self._expected.get(request.user)
        begins = request.method == "INVITE"
        if call is None or (not begins and call.call_id != request.call_id):
            status = "404 Not Found" if begins else "481 Call/Transaction Does Not Exist"
            return sip.response(request, status, tag=token_hex(8))
        if begins and call.call_id not in ("", request.call_id):
            return sip.response(request, "403 Forbidden", tag=token_hex(8))
        if request.method not in ("INVITE", "UPDATE", "BYE", "CANCEL"):
            return sip.response(request, "405 Method Not Allowed", tag=call.tag, headers={"allow": _ALLOWED})
        if not begins and request.method != "UPDATE":
            return sip.response(request, "200 OK", tag=call.tag)
        call.call_id = request.call_id
        return sip.response(
            request, "200 OK", tag=call.tag, body=sip.answer(call.to, call.codec) if request.offers else "",
            headers={"contact": f"<sip:{request.user}@{self._address}>", "allow": _ALLOWED,
                     **(_TIMERS if request.timers else {})})
