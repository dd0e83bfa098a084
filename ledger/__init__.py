"""The ledger: the database of calls, recordings, effects and jobs.

Open it with :class:`ledger.open.Ledger`; the other modules take the connection of one of its transactions.
"""

from ledger.open import Ledger

__all__ = ["Ledger"]
