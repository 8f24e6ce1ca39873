"""Memory: how much of the waiting messages all lines together may keep in it."""

from anymq.config.units import MIB
from anymq.core.message import Message

LINE_BYTES = 8 * MIB  # of one line
TOTAL_BYTES = 64 * MIB  # of all; beyond, each is left with SHORT_BYTES
SHORT_BYTES = MIB // 4
MESSAGE_BYTES = 250  # what one takes besides its body

# A message that is out or back; or the size of its body, when there was no room for it in memory.
Held = Message | int


def size_of(held: Held) -> int:
    """Return the size of its body."""
    return held if isinstance(held, int) else len(held.body)


class Memory:
    """What is in use, and what a line may have."""

    __slots__ = ("line_bytes", "total_bytes", "used")

    def __init__(self, line_bytes: int = LINE_BYTES, total_bytes: int = TOTAL_BYTES) -> None:
        self.line_bytes = line_bytes
        self.total_bytes = total_bytes
        self.used = 0

    @property
    def share(self) -> int:
        """What a line may keep now."""
        short = self.used > self.total_bytes
        return min(SHORT_BYTES, self.line_bytes) if short else self.line_bytes
