"""Settings of transactions: when their senders are asked, and for how long."""

from dataclasses import dataclass

from anymq.config.units import HOUR_MS, SECOND_MS

OPEN_MAX = 100_000  # some 50 MB of memory


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSettings:
    """RocketMQ's, but for the ages: a group that is away keeps its half messages for so long."""

    immune_ms: int = 6 * SECOND_MS  # of a new one: its sender is still at work
    check_interval_ms: int = 30 * SECOND_MS
    checks_max: int = 15
    age_ms_max: int = 72 * HOUR_MS
    open_max: int = OPEN_MAX
