"""Soon: records that come so soon that they need not be read again. So many, and no more."""

from collections.abc import Sequence

from anymq.core.queues.late import LateRecord
from anymq.storage.log_config import MIB

SOON_MS = 5000
BYTES_MAX = 16 * MIB


class Soon:
    """Late records by their position."""

    def __init__(self) -> None:
        self.size = 0
        self._records: dict[int, LateRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, first: int, records: Sequence[LateRecord], now_ms: int) -> None:
        """Keep those of these that are due soon, as long as there is room."""
        until = now_ms + SOON_MS
        for position, record in enumerate(records, first):
            if record.due_ms <= until and self.size < BYTES_MAX:
                self._records[position] = record
                self.size += record.size

    def take(self, position: int) -> LateRecord | None:
        """Return one that is here, and keep it no more."""
        record = self._records.pop(position, None)
        if record is not None:
            self.size -= record.size
        return record
