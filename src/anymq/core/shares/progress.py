"""How far a group is."""

from typing import NamedTuple

from anymq.core.queues.priorities import ends_of
from anymq.core.queues.queue import Queue
from anymq.core.shares.queue_share import offset_of


class Progress(NamedTuple):
    """In one partition; -1: that is not known."""

    start: int
    lag: int


def progress_in(queue: Queue) -> Progress:
    """Return what comes next in a queue, and how much is not done with."""
    head = queue.line.peek()
    start = offset_of(head.position) if head is not None else ends_of(queue.line)[0]
    return Progress(start, queue.ready + queue.unacked)
