"""LogConfig: what one log is told about sizes, ages and durability."""

from dataclasses import dataclass
from enum import Enum

MIB = 1024 * 1024


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
    leads: bool = False  # what is said of others: on the disk before they are, see commit.py
    thinned: bool = False  # a queue's: what its owner has settled goes, in the middle, too

    @property
    def rewritten(self) -> bool:
        """May what is between the first and the last segment go or shrink?"""
        return self.compact or self.thinned
