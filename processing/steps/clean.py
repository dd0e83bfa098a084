"""Step ``clean``: after the recording's end, what is not needed any more goes. Nothing before its copy is proven."""

from __future__ import annotations

import os
import shutil
from typing import Any, cast

import structlog

from faults import CleaningRefused
from processing.document import shortcomings
from processing.made import AllFacts
from processing.step import Context, Facts
from processing.stores.choice import Stores

log = structlog.get_logger("jobs")


class Clean:
    """Facts: none. It runs when the recording is finished already; if it fails, the recording stays what it is.

    Args:
        recorded: whether the files that the switch recorded go as well, if nothing is missing. Of a recording that was
            encrypted they go in any case: they are its plaintext.
        plaintext_after: how long the plaintext of such a recording stays after its end, in seconds.
    """

    name = "clean"
    lasting = True

    def __init__(self, stores: Stores, *, recorded: bool = False, plaintext_after: float = 0.0) -> None:
        self._stores = stores
        self._recorded = recorded
        self._plaintext_after = plaintext_after

    def delay(self, facts: AllFacts) -> float:
        """Seconds between the recording's end and this step."""
        return self._plaintext_after if "encrypt" in facts else 0.0

    def run(self, context: Context) -> Facts:
        """Have the store read its copies once more, then take away the recording's work folder and, where that is
        wanted, the switch's files that are in the copies.

        Raises:
            StorageRefused, StorageUnreachable: a stored file is gone, no longer whole, or cannot be seen. Then nothing
                was deleted.
            CleaningRefused: some file could not be deleted. All others were.
        """
        stored = cast(dict[str, Any], context.facts["store"])
        store = self._stores.named(stored["store"])
        for one in stored["files"].values():
            store.verify(one["name"], bytes=one["bytes"], sha256=one["sha256"])
        context.checkpoint("proven")
        go = "encrypt" in context.facts or (self._recorded and not shortcomings(context.recording, context.facts))
        refused = _without_recorded(context) if go else {}
        folder = context.folder.parent
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            refused[str(folder)] = "the folder of unfinished files is not empty"
        context.checkpoint("work folder gone")
        if refused:
            raise CleaningRefused(
                f"{len(refused)} could not be deleted: " + "; ".join(f"{path}: {why}" for path, why in refused.items()),
                files=list(refused))
        return {}


def _without_recorded(context: Context) -> dict[str, str]:
    """Delete the switch's files. All of them were read: a job that lacks one does not come here.

    Returns:
        The files that could not be deleted, each with the reason.
    """
    refused: dict[str, str] = {}
    files = cast(list[dict[str, Any]], context.facts["verify"]["files"])
    for name in dict.fromkeys(file["path"] for file in files):
        path = context.recorded_file(name)
        if path is None:
            continue
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            refused[str(path)] = error.strerror or type(error).__name__
        else:
            log.info("recorded file deleted", recording=context.recording.id, file=name)
        context.checkpoint(f"deleted {path.suffix}")
    return refused
