"""How far a group is."""

from typing import NamedTuple

from anymq.core.queues.priorities import ends_of
from anymq.core.queues.queue import Queue
from anymq.core.queues.settlement import Settlement
from anymq.core.shares.packing import offset_of
from anymq.core.streams.partition import Partition


class Progress(NamedTuple):
    """In one partition; -1: that is not known."""

    start: int
    lag: int


def progress_at(partition: Partition, settlement: Settlement) -> Progress:
    """Return the first offset of a partition that is not settled, and how many are not."""
    settled, end = settlement.settled, partition.visible_end
    start = max(settled.low, partition.start)
    return Progress(start, max(end - start - settled.count(start, end), 0))


def progress_in(queue: Queue) -> Progress:
    """Return what comes next in a queue, and how much is not done with."""
    head = queue.line.peek()
    start = offset_of(head.position) if head is not None else ends_of(queue.line)[0]
    return Progress(start, queue.ready + queue.unacked)
