"""The steps of a job, in their order."""

from __future__ import annotations

from processing.names import NameTemplate
from processing.step import Step
from processing.steps.compose import Compose
from processing.steps.erase import Erase
from processing.steps.manifest import Manifest
from processing.steps.name import Name
from processing.steps.store import Keep
from processing.steps.verify import Verify
from processing.stores import Store


def in_order(template: NameTemplate, store: Store) -> tuple[Step, ...]:
    """The steps that make a recording what it is, in the order in which they run. ``clean`` comes after its end."""
    return Erase(), Verify(), Compose(), Name(template), Manifest(), Keep(store)
