"""Step ``store``: the finished files get their final names, whole, and never over another file; the manifest last."""

from __future__ import annotations

from typing import Any, cast

import structlog

from ledger.tables import Json
from processing.made import MANIFEST, finished
from processing.step import Context, Facts
from processing.stores import Store

log = structlog.get_logger("jobs")


class Keep:
    """Facts.

    ``store``: the name of the store. ``files``: for each kind, and for ``manifest``, the ``name``, ``bytes`` and
    ``sha256`` of what is stored.
    """

    name = "store"
    lasting = True  # from here on nothing that was stored is made again

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, context: Context) -> Facts:
        """Store what was made.

        Raises:
            DestinationExists: another file has such a name.
            StorageRefused: a copy is not what was written.
        """
        described = cast(dict[str, Any], context.facts[MANIFEST])
        files: dict[str, Json] = {}
        for kind, made in [*finished(context.facts).items(), (MANIFEST, described)]:
            name = described["names"][kind]
            self._store.put(context.places.work / made["path"], name, bytes=made["bytes"], sha256=made["sha256"],
                            checkpoint=context.checkpoint)
            files[kind] = {"name": name, "bytes": made["bytes"], "sha256": made["sha256"]}
            log.info("file stored", recording=context.recording.id, kind=kind, store=self._store.name)
        return {"store": self._store.name, "files": files}
