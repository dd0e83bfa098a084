"""Step ``manifest``: the description of the finished files. Where it is, they are all there, whole."""

from __future__ import annotations

import hashlib
import json

from processing.files import make_folder, new_file, publish, sync_folder
from processing.step import Context, Facts

SUFFIX = ".json"


class Manifest:
    """Facts: ``path``, below the destination."""

    name = "manifest"
    lasting = True  # what it was made of is deleted next

    def run(self, context: Context) -> Facts:
        """Write the manifest and publish it.

        Raises:
            DestinationExists: another file has its name.
            StorageRefused: a copy is not what was written.
        """
        text = json.dumps(context.facts["publish"]["manifest"], indent=2, ensure_ascii=False) + "\n"
        data = text.encode()
        make_folder(context.folder, 0o700)
        written = context.folder / f"manifest{SUFFIX}"
        with new_file(written, context.checkpoint) as file:
            file.write(data)
        named = f"{context.facts['name']['base']}{SUFFIX}"
        target = context.places.destination / named
        publish(written, target, hashlib.sha256(data).hexdigest(), context.checkpoint)
        sync_folder(target.parent)
        context.checkpoint("remembered")
        return {"path": named}
