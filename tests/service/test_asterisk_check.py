"""What `phonograph check` says of an Asterisk's modules."""

from __future__ import annotations

from service.asterisk_check import _MODULES, modules
from service.findings import Verdict

NEEDED = set(_MODULES)


def test_all_that_is_needed_and_a_timer_that_catches_up_are_well() -> None:
    (found,) = modules("main", NEEDED | {"res_timing_pthread.so"}, servers=False)
    assert found.verdict is Verdict.OK


def test_a_timer_that_drops_ticks_is_noted_also_beside_the_other() -> None:
    found, timing = modules("main", NEEDED | {"res_timing_pthread.so", "res_timing_timerfd.so"}, servers=False)
    assert found.verdict is Verdict.OK
    assert timing.verdict is Verdict.NOTE
    assert "noload = res_timing_timerfd.so" in timing.remedy


def test_without_any_timer_the_one_that_catches_up_is_missing() -> None:
    (found,) = modules("main", NEEDED, servers=False)
    assert found.verdict is Verdict.FAIL
    assert "res_timing_pthread.so" in found.said


def test_a_missing_module_is_named() -> None:
    (found,) = modules("main", (NEEDED | {"res_timing_dahdi.so"}) - {"format_wav.so"}, servers=False)
    assert found.said == "Not loaded: format_wav.so."


def test_what_sends_audio_is_missed_only_where_there_are_recording_servers() -> None:
    loaded = NEEDED | {"res_timing_pthread.so"}
    (found,) = modules("main", loaded, servers=False)
    assert found.verdict is Verdict.OK
    (found,) = modules("main", loaded, servers=True)
    assert found.said == "Not loaded: chan_rtp.so."
    (found,) = modules("main", loaded | {"chan_rtp.so"}, servers=True)
    assert found.verdict is Verdict.OK
