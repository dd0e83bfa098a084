"""Step ``publish``: the audio files get their final names, whole, and never over another file."""

from __future__ import annotations

from typing import Any, cast

from ledger.tables import Json
from processing.document import manifest
from processing.files import publish, sync_folder
from processing.step import Context, Facts

SUFFIXES = {"mixed": ".wav", "stereo": "-stereo.wav"}


class Publish:
    """Facts.

    ``files``: for each kind the path below the destination. ``manifest``: what the manifest will say. It is settled
    here, because the call may go on and look different when the next step is run again.
    """

    name = "publish"
    lasting = True  # the manifest that it has settled must not be settled again once it is a file

    def run(self, context: Context) -> Facts:
        """Publish what was composed.

        Raises:
            DestinationExists: another file has such a name.
            StorageRefused: a copy is not what was written.
        """
        base = str(context.facts["name"]["base"])
        composed = cast(dict[str, Any], context.facts["compose"]["files"])
        published: dict[str, str] = {}
        for kind, made in composed.items():
            published[kind] = base + SUFFIXES[kind]
            publish(context.places.work / made["path"], context.places.destination / published[kind],
                    made["sha256"], context.checkpoint)
        if published:
            sync_folder((context.places.destination / base).parent)
            context.checkpoint("remembered")
        files: dict[str, Json] = {**published}
        return {"files": files, "manifest": manifest(context.call, context.recording, context.facts, published)}
