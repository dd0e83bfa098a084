"""The switches that are measured, and who else could record their calls. Each rival is switched on and off between two
rounds, in the same switch."""

from __future__ import annotations

from enum import StrEnum

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer

__all__ = ["RIVALS", "Exchange", "Mode", "switch_over"]

Exchange = AsteriskServer | FreeSwitchServer


class Mode(StrEnum):
    """Who records."""

    UNRECORDED = "unrecorded"
    MIXMONITOR = "MixMonitor"
    UNBUFFERED = "record_session, unbuffered"
    BUFFERED = "record_session, by default"
    OURS = "Phonograph"


RIVALS = {"asterisk": (Mode.MIXMONITOR,), "freeswitch": (Mode.UNBUFFERED, Mode.BUFFERED)}
"""Who else records on each switch."""

_DIALPLAN = """<include>
  <extension name="recorded-by-freeswitch" continue="true">
    <condition field="${bench_buffering}" expression="^(true|false)$">
      <action application="set" data="RECORD_STEREO=true"/>
      <action application="set" data="enable_file_write_buffering=$1"/>
      <action application="set" data="execute_on_answer=record_session $${recordings_dir}/bench/${uuid}.wav"/>
    </condition>
  </extension>
</include>
"""
"""Records the caller's leg from its answer on, in stereo, as we do. By default FreeSWITCH writes a file in blocks of
64 KiB; unbuffered, as our recordings are, every 20 ms."""

_BUFFERING = {Mode.UNBUFFERED: "false", Mode.BUFFERED: "true"}


def switch_over(server: Exchange, mode: Mode) -> None:
    """Calls from now on are recorded by the mode's rival, and by no other; blocks."""
    if isinstance(server, AsteriskServer):
        server.cli(f"dialplan set global MIXMONITOR {'yes' if mode is Mode.MIXMONITOR else 'no'}")
        return
    # FreeSWITCH reads these files in the order of their names, and this one has to be before the user's.
    file = server.conf / "dialplan" / "shared" / "0-bench.xml"
    if not file.exists():
        file.write_text(_DIALPLAN)
        server.cli("reloadxml")
    server.cli(f"global_setvar bench_buffering={_BUFFERING.get(mode, 'none')}")
