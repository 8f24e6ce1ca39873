"""Limits: how much may wait in a queue, and what goes when it is more."""

from anymq.core.errors import Rejected
from anymq.core.queues.queue_settings import QueueSettings


class QueueFull(Rejected):
    """There is no room in the queue; the message was not taken. `buried`: it is a dead letter."""

    def __init__(self, text: str, *, buried: bool = False) -> None:
        super().__init__(text)
        self.buried = buried


def overflows(settings: QueueSettings, count: int, size: int) -> bool:
    """Is it too much, if so many messages of so many bytes wait?"""
    return (settings.max_length is not None and count > settings.max_length) or (
        settings.max_length_bytes is not None and size > settings.max_length_bytes
    )
