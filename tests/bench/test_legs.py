"""Asterisk's own counters, as its console prints them."""

from __future__ import annotations

import pytest

from bench import legs

TOLD = """
                                             ...........Receive......... .........Transmit..........
 BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....
 ===========================================================================================================

 030490a0 carol-0000001f     00:00:14 ulaw      {carol}       3    0   0.000    720       0    0   0.003   0.000
 030490a0 trunk-0000001e     00:00:14 ulaw      {trunk}       1    0   0.000    720       0    0   0.003   0.000
          dave-00000020                    not valid

Objects found: 3
"""


def test_each_channel_s_packets_are_read() -> None:
    found = legs.read(TOLD.format(carol=720, trunk=700), at=5.0)
    assert found == legs.Counted(5.0, {"carol-0000001f": 720, "trunk-0000001e": 700}, lost=4)


def test_rates_are_those_of_channels_that_were_up_both_times() -> None:
    first = legs.Counted(5.0, {"carol-1": 100, "trunk-1": 100, "gone-1": 5}, 0)
    second = legs.Counted(7.0, {"carol-1": 200, "trunk-1": 190, "new-1": 5}, 0)
    assert legs.rates(first, second) == pytest.approx([45.0, 50.0])
