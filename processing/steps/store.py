"""Step ``store``: the finished files get their final names, whole, and never over another file; the manifest last."""

from __future__ import annotations

from typing import Any, cast

import structlog

from ledger.tables import Json
from processing.made import MANIFEST, finished
from processing.step import Context, Facts
from processing.stores import Store
from processing.stores.choice import Stores

log = structlog.get_logger("jobs")


class Keep:
    """Facts.

    ``store``: the name of the store. ``files``: for each kind, and for ``manifest``, the ``name``, ``bytes`` and
    ``sha256`` of what is stored.
    """

    name = "store"
    lasting = True  # from here on nothing that was stored is made again

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def run(self, context: Context) -> Facts:
        """Store what was made, all of it in one store.

        Raises:
            DestinationExists: another file has such a name.
            StorageRefused: a copy is not what was written, or the store says no.
            StorageUnreachable: the store does not answer.
        """
        return self._stores.keep(lambda store: _kept(store, context))


def _kept(store: Store, context: Context) -> Facts:
    described = cast(dict[str, Any], context.facts[MANIFEST])
    files: dict[str, Json] = {}
    for kind, made in [*finished(context.facts).items(), (MANIFEST, described)]:
        name = described["names"][kind]
        source = context.places.work / made["path"]
        if source.exists():
            store.put(source, name, bytes=made["bytes"], sha256=made["sha256"], checkpoint=context.checkpoint)
        else:  # taken away by an earlier version, which did that when all was in its place
            store.verify(name, bytes=made["bytes"], sha256=made["sha256"])
        files[kind] = {"name": name, "bytes": made["bytes"], "sha256": made["sha256"]}
        log.info("file stored", recording=context.recording.id, kind=kind, store=store.name)
    return {"store": store.name, "files": files}
