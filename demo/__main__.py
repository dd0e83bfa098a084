"""Boot Asterisk from asterisk-conf/, start Phonograph, place real calls, show what became of them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from demo import calls, report, voices
from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph

FOLDER = Path(__file__).resolve().parent.parent / ".demo"


async def main() -> int:
    """Run the demo.

    Returns:
        The exit status: 0 when every call of the plan has its row and every recording is ready.
    """
    begun = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.1f} s] {text}", flush=True)

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    async with AsyncExitStack() as stack:
        progress("the parties learn their lines (espeak-ng)")
        spoken = await asyncio.to_thread(voices.speak, FOLDER / "voices")
        server = AsteriskServer(FOLDER / "asterisk")
        progress(f"Asterisk {server.version} boots from asterisk-conf/")
        await asyncio.to_thread(server.start)
        stack.callback(server.stop)
        progress("phonograph run -c .demo/phonograph.yaml")
        service = await stack.enter_async_context(Phonograph(server, FOLDER, policy=calls.POLICY))
        progress(f"{len(calls.PLAN)} calls are placed, some 30 s of speech")
        async with Phones(server) as phones:
            placed = await calls.place(phones, spoken)
        progress("the calls are over; the recordings are being finished")
        rows = await service.closed(calls.ROWS)
        progress("done")
    order = list(calls.PLAN)
    placed.sort(key=lambda pair: order.index(pair[0]))
    entries = [report.row(planned, report.find(rows, identity)) for planned, identity in placed]
    (FOLDER / "report.json").write_text(json.dumps(entries, indent=2) + "\n")
    print(f"\n{report.table(order, entries, FOLDER.parent)}\n")
    kept = report.card(entries[order.index(calls.CARD)], spoken)
    print(kept)
    print("Play one: any WAV player opens the files above. Each manifest beside them says what is in them and why.")
    print("See also: .demo/report.json, .demo/phonograph.yaml, .demo/policy.yaml, .demo/phonograph.log")
    return 0 if all(one["state"] in (None, "ready") for one in entries) and kept == report.KEPT_OUT else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
