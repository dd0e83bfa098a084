"""The bench of the relay: every packet is sent and counted, and the ramp finds where packets are missing."""

from __future__ import annotations

import pytest

from bench import relay
from bench.relay import Ramp
from bench.relay_load import Carried, Carrier, carry


@pytest.mark.parametrize("carrier", Carrier)
@pytest.mark.parametrize("srtp", [False, True])
def test_a_load_is_carried_and_counted(srtp: bool, carrier: Carrier) -> None:
    load = carry(3, srtp=srtp, seconds=0.4, carrier=carrier)
    # A busy machine may be late with some.
    assert load.sent == 3 * 2 * 20
    assert 0 < load.arrived <= load.sent
    # Of another process the kernel tells hundredths of a second.
    assert load.cpu > 0 or carrier is Carrier.RTPENGINE


def test_the_most_calls_without_a_loss_are_found_and_one_miss_counts_for_nothing(
        monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def pretend(sessions: int, *, srtp: bool, seconds: float, carrier: Carrier) -> Carried:
        loads.append(sessions)
        missing = sessions > 350 or (sessions == 250 and loads.count(250) == 1)
        return Carried(1000, 999 if missing else 1000, 0.01, 0.0)

    monkeypatch.setattr(relay, "carry", pretend)
    found = relay.ramp(False, lambda _: None)
    assert loads == [500, 500, 250, 250, 350, 400, 400]
    assert (found.sessions, found.us_a_packet) == (350, 10.0)


def test_the_bounds_are_those_of_plain_and_of_encrypted_calls() -> None:
    def ramp(sessions: int, us: float) -> Ramp:
        return Ramp(sessions, Carried(1_000_000, 1_000_000, us, 0.0))

    plain, packet, encrypted, other = relay.rows({False: {Carrier.OURS: ramp(500, 19.0)},
                                                  True: {Carrier.OURS: ramp(250, 34.0)}})
    assert [row.verdict for row in (plain, packet, encrypted, other)] == ["kept", "kept", "MISSED", "MISSED"]
    assert plain.against == "Verba, published: 193"
    assert plain.ratio is not None
    assert round(plain.ratio.value, 2) == 2.59


def test_a_machine_that_carries_nothing_has_no_figure() -> None:
    row, packet = relay.rows({False: {Carrier.OURS: Ramp(0, None)}})
    assert (row.value, row.verdict, packet.value, packet.verdict) == ("0", "MISSED", "nan us", "MISSED")


def test_rtpengine_is_held_against_our_relay_of_the_same_run() -> None:
    found = {Carrier.OURS: Ramp(500, Carried(1_000_000, 1_000_000, 20.0, 0.0)),
             Carrier.RTPENGINE: Ramp(400, Carried(1_000_000, 1_000_000, 30.0, 0.0))}
    _, _, calls, packet = relay.rows({False: found})
    assert (calls.value, calls.against, str(calls.ratio)) == ("400", "our relay: 500", "0.80 (0.80-0.80)")
    assert (packet.value, packet.against, str(packet.ratio)) == ("30.0 us", "our relay: 20.0 us", "1.50 (1.50-1.50)")
