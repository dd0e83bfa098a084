"""Step ``manifest``: the description of the finished files. It is stored last: where it is, they are all there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from ledger.tables import Json
from processing.document import manifest
from processing.files import make_folder, new_file
from processing.made import MANIFEST, finished
from processing.step import Context, Facts

SUFFIXES = {"mixed": ".wav", "stereo": "-stereo.wav", MANIFEST: ".json"}
_ENCRYPTED = ".gpg"


def names(base: str, kinds: Mapping[str, object], *, encrypted: bool) -> dict[str, str]:
    """The names of the files of those kinds, and of the manifest, below the store.

    Args:
        base: the name that they share.
    """
    ending = _ENCRYPTED if encrypted else ""
    return {kind: f"{base}{SUFFIXES.get(kind, f'-{kind}.wav')}{ending}" for kind in [*kinds, MANIFEST]}


class Manifest:
    """Facts.

    ``names``: for each kind, and for ``manifest``, the name below the store. ``document``: what the manifest says. Both
    are settled here, because the call may go on and look different when a step is run again. ``path`` (below the work
    folder), ``bytes`` and ``sha256`` of its file.
    """

    name = "manifest"
    lasting = True  # what is stored must not be settled again

    def run(self, context: Context) -> Facts:
        """Write the manifest into this worker's own folder."""
        if "publish" in context.facts:  # of an earlier version, which settled it there
            before = cast(dict[str, Any], context.facts["publish"])
            settled = {**before["files"], MANIFEST: f"{context.facts['name']['base']}.json"}
            return {"names": settled, "document": before["manifest"], **_write(context, before["manifest"])}
        made = finished(context.facts)
        settled = names(str(context.facts["name"]["base"]), made, encrypted="encrypt" in context.facts)
        document = manifest(context.call, context.recording, context.facts, settled)
        return {"names": cast(dict[str, Json], settled), "document": document, **_write(context, document)}


def _write(context: Context, document: Mapping[str, Any]) -> Facts:
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    make_folder(context.folder, 0o700)
    path = context.folder / "manifest.json"
    with new_file(path, context.checkpoint) as file:
        file.write(data)
    return {"path": str(path.relative_to(context.places.work)), "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest()}
