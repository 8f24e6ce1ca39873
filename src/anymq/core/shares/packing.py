"""Messages of a queue as record batches: runs of neighbours, each at its offset."""

from collections.abc import Sequence

from anymq.core.portable.packer import Packer
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.priorities import IN_LINE, LEVEL_SHIFT
from anymq.core.streams.writer import batch_of

_SHIFT = LEVEL_SHIFT - 1  # 63 bits is all that a signed offset has
_IN_OFFSET = (1 << _SHIFT) - 1
_BASE_BYTES = 8


def offset_of(position: int) -> int:
    """Return what Kafka's clients call this position."""
    return (position >> LEVEL_SHIFT << _SHIFT) | (position & IN_LINE)


def position_of(offset: int) -> int:
    """Return the position of an offset."""
    return (offset >> _SHIFT << LEVEL_SHIFT) | (offset & _IN_OFFSET)


def batches_of(deliveries: Sequence[Delivery], packer: Packer) -> list[bytes]:
    """Write down messages in ascending order."""
    return [_batch(run, packer) for run in _neighbours(deliveries)]


def ascending(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Cut where a position is lower than the one before: clients read offsets upwards only."""
    parts: list[list[Delivery]] = []
    for one in deliveries:
        if parts and parts[-1][-1].position < one.position:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def _neighbours(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Cut where positions leave something out: a batch has no holes."""
    parts: list[list[Delivery]] = []
    for one in deliveries:
        if parts and parts[-1][-1].position + 1 == one.position:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def _batch(deliveries: Sequence[Delivery], packer: Packer) -> bytes:
    messages = [one.message for one in deliveries]
    batch = batch_of(messages, [packer.pack(message) for message in messages])
    base = offset_of(deliveries[0].position).to_bytes(_BASE_BYTES, "big")
    return base + batch[_BASE_BYTES:]
