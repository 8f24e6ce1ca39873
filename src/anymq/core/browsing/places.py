"""Places: how a position is written where people and programs see it.

A queue has a line for each priority, a stream may have partitions: the part is in the bits above
PART_SHIFT. As text, because the numbers of many languages do not hold 64 bits.
"""

from anymq.core.errors import Invalid
from anymq.core.queues.priorities import IN_LINE, LEVEL_SHIFT

PART_SHIFT = LEVEL_SHIFT
IN_PART = IN_LINE
PARTS_MAX = 1 << 31
DIGITS_MAX = 20


def text_of(position: int) -> str:
    """Return "17", or "3:17" in part 3."""
    part, at = position >> PART_SHIFT, position & IN_PART
    return f"{part}:{at}" if part else str(at)


def position_of(text: object) -> int:
    """Return what a text stands for. Invalid: for nothing."""
    part, colon, at = str(text).rpartition(":")
    numbers = [_number(part) if colon else 0, _number(at)]
    if numbers[0] >= PARTS_MAX or numbers[1] > IN_PART:
        raise Invalid(f"{text!r} is no position")
    return numbers[0] << PART_SHIFT | numbers[1]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise Invalid(f"{text!r} is no position")
    return int(text)
