"""An outlet when the machine has no room for a packet."""

from __future__ import annotations

import errno
import random
import socket
from contextlib import ExitStack
from typing import Any

from media import rtp
from media.continuity import Continuity, Place
from siprec_app.outlet import Feed, Outgoing
from siprec_app.rtcp import Moment
from tests.siprec_app.ends import OUTLETS, Server, bound


class Crowded(socket.socket):
    """A socket of a machine that has no buffers for a while."""

    full = False

    def send(self, *arguments: Any) -> int:
        if self.full:
            raise OSError(errno.ENOBUFS, "no buffers")
        return super().send(*arguments)


def test_a_packet_for_which_there_is_no_room_is_counted_and_leaves_its_number_free() -> None:
    with ExitStack() as end:
        server = Server()
        end.callback(server.close)
        out = end.enter_context(Crowded(socket.AF_INET, socket.SOCK_DGRAM))
        out.bind((OUTLETS, 0))
        outlet = Outgoing("1", (out, end.enter_context(bound(OUTLETS))), "name", random.Random(1), Moment(0, 0))
        outlet.feed(Feed("session", Continuity()), Moment(0, 0))
        outlet.begin(server.flow(), server.flow().host, Moment(0, 0))
        for number in range(3):
            out.full = number == 1
            outlet.send(Place(number, number * 160), False, "PCMU", b"audio", Moment(number, number))
        counted = outlet.counters()
        assert (counted.sent, counted.octets, counted.unsent) == (2, 10, 1)
        assert counted.last == Moment(2, 2)
        first, second = (rtp.parse(data) for data in server.datagrams())
        assert first is not None
        assert second is not None
        assert (second.sequence - first.sequence, (second.timestamp - first.timestamp) & 0xFFFFFFFF) == (2, 320)
