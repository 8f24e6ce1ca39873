"""Log: record batches in order, each record with an offset. The only storage there is.

Two ends: `end` is where the next record will go; `visible_end` is how far everything is as durable
as the log's setting promises. Readers never see beyond `visible_end`, and nobody is told "done"
before it has passed their record. In a cluster it will be min(synced, replicated): nothing above
this line changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from anymq.storage.batch import BatchHeader
from anymq.storage.errors import StorageError
from anymq.storage.files import Buffer, FileRange

MIB = 1024 * 1024
Then = Callable[[StorageError | None], None]


class Durability(Enum):
    """What "acknowledged" means."""

    COMMIT = "commit"  # on disk: survives a power cut
    INTERVAL = "interval"  # in the page cache, synced every so often
    OS = "os"  # in the page cache: survives our death, not the machine's


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What one log is told; replaced as a whole when a setting changes."""

    segment_bytes: int = 64 * MIB
    segment_ms: int = 7 * 86_400_000
    index_interval_bytes: int = 4096
    retention_ms: int = -1
    retention_bytes: int = -1
    delete: bool = True
    compact: bool = False
    delete_retention_ms: int = 86_400_000
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = 2**63 - 1
    min_cleanable_dirty_ratio: float = 0.5
    durability: Durability = Durability.COMMIT


class Log:
    """One log. On the broker's thread only, but for what `Work.run` says."""

    id: int
    config: LogConfig
    start: int  # the first offset that is kept
    end: int  # the offset the next record gets
    visible_end: int
    failed: StorageError | None  # set: takes no more writes
    on_visible: Callable[[], None] | None  # called when visible_end has moved
    on_rollback: Callable[[], None] | None  # called when appends were lost: `end` went back
    state_source: Callable[[], bytes] | None  # the owner's state at `end`, kept beside each segment

    def append(self, batch: Buffer, header: BatchHeader, leader_epoch: int) -> int:
        """Add a checked batch; return the base offset it gets. StorageError when it cannot be.

        `batch` must stay unchanged until it is written: bytes, or a view of what nobody reuses.
        It is in no file yet: the commit of this turn writes it.
        """
        raise NotImplementedError

    def saved_state(self) -> tuple[int, bytes] | None:
        """Return (offset, what `state_source` gave when that was the end); the newest there is."""
        raise NotImplementedError

    def when_durable(self, offset: int, then: Then) -> None:
        """Call `then(None)` once the record at `offset` is visible, or with what went wrong."""
        raise NotImplementedError

    def read(self, offset: int, bytes_max: int, *, at_least_one: bool = True) -> FileRange | None:
        """Return where whole batches from the one that holds `offset` are; None when none is visible.

        The last one may be cut by `bytes_max`, as Kafka's clients expect; the first never is when
        `at_least_one`. OffsetOutOfRange when `offset` is not within start..visible_end.
        """
        raise NotImplementedError

    def headers(self, offset: int) -> "list[BatchHeader]":
        """Return the headers of the batches from `offset` on (bounded; call again to go on)."""
        raise NotImplementedError

    def offset_at(self, timestamp_ms: int) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the first record not older than this; None when all are."""
        raise NotImplementedError

    def newest_timestamp(self) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the record with the greatest timestamp."""
        raise NotImplementedError

    def delete_before(self, offset: int) -> None:
        """Raise `start`. The owner keeps this durably; whole segments below it go at the next tick."""
        raise NotImplementedError

    def epoch_end(self, leader_epoch: int) -> tuple[int, int]:
        """Return (epoch, end offset) for OffsetForLeaderEpoch; (-1, -1) when unknown."""
        raise NotImplementedError

    def size_bytes(self) -> int:
        """Return how much disk it takes."""
        raise NotImplementedError
