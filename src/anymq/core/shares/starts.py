"""Where a share group begins in a topic that is new to it: `share.auto.offset.reset`."""

import re

from anymq.config.units import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from anymq.core.shares.words import BY_DURATION, EARLIEST, LATEST
from anymq.core.streams.partition import Partition

# As Java writes durations: P1DT2H3M4.5S
_DURATION = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.IGNORECASE,
)
_UNITS = (DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS)


def start_of(partition: Partition, reset: str, now_ms: int) -> int:
    """Return the offset to begin with."""
    if reset == EARLIEST:
        return partition.start
    if reset == LATEST:
        return partition.visible_end
    found = partition.log.offset_at(now_ms - (duration_ms(reset) or 0))
    return partition.visible_end if found is None else found[0]


def is_reset(text: str) -> bool:
    """Is this something to begin with?"""
    return text in (EARLIEST, LATEST) or duration_ms(text) is not None


def duration_ms(reset: str) -> int | None:
    """Return the milliseconds of `by_duration:…`; None when it is none."""
    found = _DURATION.fullmatch(reset.removeprefix(BY_DURATION))
    if not reset.startswith(BY_DURATION) or found is None or not any(found.groups()):
        return None
    said = zip(found.groups(), _UNITS, strict=True)
    return sum(int(float(number) * unit) for number, unit in said if number)
