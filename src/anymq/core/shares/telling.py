"""What members of share groups get of topics, told to whoever listens there (tracing)."""

from collections.abc import Iterator

from anymq.config.units import MIB
from anymq.core.portable.opener import Opener
from anymq.core.queues.delivery import Delivery
from anymq.core.shares.words import Taken
from anymq.core.streams.reader import RATIO_MAX
from anymq.core.taps import Origin, Tap
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.errors import CorruptBatch


def tell(tap: Tap, topic: str, taken: Taken, opener: Opener, who: Origin) -> None:
    """Unpack what was handed out, because somebody wants to know."""
    times = {
        offset: one.deliveries
        for one in taken.acquired
        for offset in range(one.first, one.last + 1)
    }
    found = [delivery for batch in taken.batches for delivery in _deliveries(batch, times, opener)]
    if found:
        tap.delivered(topic, found, who, no_ack=False)


def _deliveries(batch: bytes, times: dict[int, int], opener: Opener) -> Iterator[Delivery]:
    header = read_header(batch)
    try:
        body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
        for delta, time_delta, key, _, value_start, end in records.slices(body, header):
            offset = header.base_offset + delta
            if (count := times.get(offset)) is not None:
                value, headers = records.split_of(body, value_start, end)
                message = opener.open(key, value, headers, header.base_timestamp + time_delta)
                yield Delivery(offset, message, count - 1, count > 1)
    except CorruptBatch:  # its sender made it so: it goes out as it is
        return
