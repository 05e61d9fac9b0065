"""Which transactions of a table are under way in this process."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from .transaction import Transaction

if TYPE_CHECKING:
    from .file_manager import FileManager
    from .metadata_manager import MetadataManager
    from .snapshot_manager import SnapshotManager

__all__ = ["TransactionManager"]


class TransactionManager:
    """Begins transactions and knows those that are active. Any thread may use it."""

    def __init__(
        self,
        metadata_manager: MetadataManager,
        snapshot_manager: SnapshotManager,
        file_manager: FileManager,
    ) -> None:
        self.metadata_manager = metadata_manager
        self.snapshot_manager = snapshot_manager
        self.file_manager = file_manager
        self._lock = threading.Lock()
        self._transactions: weakref.WeakSet[Transaction] = weakref.WeakSet()

    def begin_transaction(self) -> Transaction:
        """A transaction that is not begun: use ``with``, or call ``begin()``."""
        made = Transaction(self.metadata_manager, self.snapshot_manager, self.file_manager)
        with self._lock:
            self._transactions.add(made)
        return made

    def get_active_transactions(self) -> list[Transaction]:
        """Those begun and neither committed nor rolled back."""
        with self._lock:
            return [t for t in self._transactions if t.is_active()]

    def cleanup_completed_transactions(self) -> None:
        """Forgets the others."""
        with self._lock:
            for one in list(self._transactions):
                if not one.is_active():
                    self._transactions.discard(one)
