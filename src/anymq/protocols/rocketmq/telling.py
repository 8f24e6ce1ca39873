"""What went out, for whoever listens to what happens to messages: usually nobody does."""

from anymq.config.units import MIB
from anymq.core.portable.opener import Opener
from anymq.core.queues.delivery import Delivery
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.convert import Passes, form_of
from anymq.storage.errors import CorruptBatch

TOLD_BYTES_MAX = 4 * MIB


def delivered(
    call: Call, partition: Partition, offset: int, count: int, passes: Passes | None
) -> list[Delivery]:
    """Return so many messages from there on, those that passed, as the core knows them."""
    found: list[Delivery] = []
    opener = Opener(partition.topic_name, call.broker.forms)

    def take(
        offset: int, time_ms: int, key: bytes | None, value: bytes | None, headers: bytes
    ) -> bool:
        try:
            message = opener.open(key, value, headers, time_ms)
        except CorruptBatch:
            return False
        if passes is not None and not passes(form_of(message)):
            return False
        found.append(Delivery(offset, message, 0, False))
        return True

    Reader(partition, offset, call.rocketmq.unpacked).read(count, TOLD_BYTES_MAX, take)
    return found
