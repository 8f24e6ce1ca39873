"""Writer: messages of other protocols become record batches, in the portable form."""

from collections.abc import Sequence

from anymq.core.message import Message
from anymq.core.portable.packer import Portable
from anymq.storage import records
from anymq.storage.batch import MAGIC, BatchHeader

# What a batch says of itself: no producer id, no epoch, no sequence.
_NOBODY = (records.NO_PRODUCER, -1, -1)


def batch_of(messages: Sequence[Message], packed: Sequence[Portable]) -> bytes:
    """Make one batch. Those that say the same at the same time: four times as fast.

    Hot: benchmarks/micro/portable.py.
    """
    first, timestamp = packed[0], messages[0].timestamp_ms
    if all(one is first for one in packed) and all(m[3] == timestamp for m in messages):
        bodies = [message[2] for message in messages]
        return records.build_run(bodies, timestamp=timestamp, key=first.key, headers=first.headers)
    encode = records.encode_with_headers
    body = b"".join(
        [
            encode(delta, message[3] - timestamp, one[0], message[2], one[1])
            for delta, (message, one) in enumerate(zip(messages, packed, strict=True))
        ]
    )
    newest, count = max(message[3] for message in messages), len(messages)
    fields = BatchHeader(*(0, 0, 0, MAGIC, 0, 0, count - 1, timestamp, newest, *_NOBODY, count))
    return records.seal(body, fields)
