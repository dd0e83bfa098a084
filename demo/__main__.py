"""Boot a switch from its configuration here, start Phonograph, place real calls, show what became of them.

    python -m demo               # on Asterisk, into .demo/
    python -m demo freeswitch    # on FreeSWITCH, into .demo-freeswitch/
    python -m demo siprec        # to a recording server, on Asterisk, into .demo-siprec/
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from demo import calls, report, siprec, voices
from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.servers import PROJECT, ServerFault


@dataclass(frozen=True)
class Stage:
    """Where the calls are placed, from which configuration, and where all that comes of it lies."""

    server: Callable[[Path], AsteriskServer | FreeSwitchServer]
    configuration: str
    folder: Path


STAGES = {
    "asterisk": Stage(AsteriskServer, "asterisk-conf/", PROJECT / ".demo"),
    "freeswitch": Stage(FreeSwitchServer, "freeswitch-conf/", PROJECT / ".demo-freeswitch"),
}


async def main(name: str) -> int:
    """Run the demo on that switch.

    Returns:
        The exit status: 0 when every call of the plan has its row and every recording is ready.

    Raises:
        ServerFault: there is no such switch here; it says how to get one.
    """
    progress = report.progress()
    stage = STAGES[name]
    folder, shown = stage.folder, stage.folder.name
    server = stage.server(folder / name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    async with AsyncExitStack() as stack:
        progress("the parties learn their lines (espeak-ng)")
        spoken = await asyncio.to_thread(voices.speak, folder / "voices")
        progress(f"{server.name} {server.version} boots from {stage.configuration}")
        await asyncio.to_thread(server.start)
        stack.callback(server.stop)
        progress(f"phonograph run -c {shown}/phonograph.yaml")
        service = await stack.enter_async_context(Phonograph(server, folder, policy=calls.POLICY))
        progress(f"{len(calls.PLAN)} calls are placed, some 30 s of speech")
        async with Phones(server) as phones:
            placed = await calls.place(phones, spoken)
        progress("the calls are over; the recordings are being finished")
        rows = await service.closed(calls.ROWS)
        progress("done")
    order = list(calls.PLAN)
    placed.sort(key=lambda pair: order.index(pair[0]))
    entries = [report.row(planned, report.find(rows, identity)) for planned, identity in placed]
    (folder / "report.json").write_text(json.dumps(entries, indent=2) + "\n")
    print(f"\n{report.table(order, entries, folder.parent)}\n")
    kept = report.card(entries[order.index(calls.CARD)], spoken)
    print(kept)
    print("Play one: any WAV player opens the files above. Each manifest beside them says what is in them and why.")
    print("See also: " + ", ".join(f"{shown}/{file}" for file in (
        "report.json", "phonograph.yaml", "policy.yaml", "phonograph.log")))
    return 0 if all(one["state"] in (None, "ready") for one in entries) and kept == report.KEPT_OUT else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=[*STAGES, "siprec"], default="asterisk")
    what = parser.parse_args().what
    try:
        sys.exit(asyncio.run(siprec.main() if what == "siprec" else main(what)))
    except ServerFault as missing:
        sys.exit(str(missing))
