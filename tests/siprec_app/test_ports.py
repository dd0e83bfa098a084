"""Ports of a range: in pairs, in turns, and given back."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest

from faults import RelayPortsExhausted
from siprec_app.ports import Ports

HOST = "127.0.0.5"


def port(of: socket.socket) -> int:
    number: int = of.getsockname()[1]
    return number


def test_a_pair_is_an_even_port_and_the_one_above() -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(one) for one in Ports(HOST, 30_001, 30_010, 0).pair())
        assert (port(first), port(second)) == (30_002, 30_003)


def test_a_port_rests_until_all_others_had_their_turn() -> None:
    ports = Ports(HOST, 30_020, 30_027, 2)
    found = []
    for _ in range(5):
        with closing(ports.single()) as one:
            found.append(port(one))
    assert found == [30_024, 30_026, 30_020, 30_022, 30_024]


def test_a_pair_of_which_another_program_has_one_is_left_out() -> None:
    with ExitStack() as stack:
        other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        other.bind((HOST, 30_031))
        first, second = (stack.enter_context(one) for one in Ports(HOST, 30_030, 30_033, 0).pair())
        assert (port(first), port(second)) == (30_032, 30_033)


def test_when_all_are_taken_it_is_told_and_what_was_closed_can_be_had() -> None:
    ports = Ports(HOST, 30_040, 30_043, 0)
    with ExitStack() as stack:
        one = stack.enter_context(ports.single())
        stack.enter_context(ports.single())
        with pytest.raises(RelayPortsExhausted) as told:
            ports.pair()
        assert told.value.details == {"host": HOST, "first": 30_040, "last": 30_043}
        one.close()
        for again in ports.pair():
            stack.enter_context(again)


def test_ports_of_the_sixth_version() -> None:
    with closing(Ports("::1", 30_050, 30_051, 0).single()) as one:
        assert one.family is socket.AF_INET6


@pytest.mark.parametrize(("first", "last"), [(30_001, 30_002), (30_004, 30_001), (0, 10), (65_535, 65_536)])
def test_a_range_without_a_pair_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no pair"):
        Ports(HOST, first, last, 0)
