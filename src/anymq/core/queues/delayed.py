"""Delayed: how a message that comes later is a record.

key: the routing key · value: the body · timestamp: when it is due
header `anymq.d`: number of the form · length, virtual host · length, exchange
                  · when it came to us · the properties as they came
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from anymq.core.message import Envelope, Form, Message
from anymq.core.queues import late
from anymq.core.queues.late import LateRecord
from anymq.storage import records, varints
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, BatchHeader, check, read_header
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.records import Record

HEADER = b"anymq.d"
_TEXT = ("utf-8", "surrogateescape")  # names that are no UTF-8 come back as they were


class Delayed(NamedTuple):
    """A message, and in which virtual host it was published."""

    vhost_name: str
    message: Message
    due_ms: int


def encode(vhost_name: str, message: Message, due_ms: int) -> tuple[bytes, BatchHeader]:
    """Make a batch of one."""
    number, envelope = varints.encode, message.envelope
    vhost, exchange = vhost_name.encode(*_TEXT), envelope.exchange.encode(*_TEXT)
    said = b"".join(
        (
            number(envelope.form.number),
            number(len(vhost)),
            vhost,
            number(len(exchange)),
            exchange,
            number(message.timestamp_ms),
            message.properties,
        )
    )
    key = envelope.routing_key.encode(*_TEXT)
    batch = records.build([Record(message.body, key, ((HEADER, said),), due_ms)])
    return batch, read_header(batch)


def batches(data: bytes) -> Iterator[tuple[BatchHeader, bytes]]:
    """Split what was read; the last batch may be cut, and is left out."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        header = read_header(data, at)
        end = at + max(header.size, LENGTH_END)
        if end > len(data):
            return
        yield header, data[at:end]
        at = end


def due_times(header: BatchHeader, batch: bytes) -> Iterator[tuple[int, int]]:
    """Yield (due, position) of the records of one batch. CorruptBatch."""
    for delta, time_delta, *_rest in records.slices(records.body_of(batch, header), header):
        yield header.base_timestamp + time_delta, header.base_offset + delta


class Reader:
    """Makes messages of records again."""

    def __init__(self, forms: Mapping[int, Form]) -> None:
        self._forms = forms

    def read(self, data: bytes, first: int) -> Iterator[tuple[int, Delayed | LateRecord]]:
        """Yield the messages of these batches, from position `first` on, with their positions.

        StorageError.
        """
        for header, batch in batches(data):
            if header.record_count:
                yield from self._read(check(batch), batch, first)

    def _read(
        self, header: BatchHeader, batch: bytes, first: int
    ) -> Iterator[tuple[int, Delayed | LateRecord]]:
        """Hot: every message that comes later."""
        base, base_ms = header.base_offset, header.base_timestamp
        body = records.body_of(batch, header)
        for delta, time_delta, key, _start, value_start, end in records.slices(body, header):
            if base + delta >= first:
                value, headers = records.split_of(body, value_start, end)
                said = key, value, headers, base_ms + time_delta
                yield base + delta, late.decode(*said) or self._delayed(*said)

    def _delayed(
        self, key: bytes | None, body: bytes | None, headers: bytes, due_ms: int
    ) -> Delayed:
        found = records.headers_of(headers)
        said = next((value for name, value in found if name == HEADER), None)
        if said is None:
            raise CorruptBatch("a record that is no delayed message")
        form_number, at = varints.decode(said, 0)
        vhost, at = _text_at(said, at)
        exchange, at = _text_at(said, at)
        timestamp_ms, at = varints.decode(said, at)
        form = self._forms.get(form_number)
        if form is None:
            raise UnknownVersion(f"messages of form {form_number}, which is not known here")
        envelope = Envelope(exchange, (key or b"").decode(*_TEXT), form)
        return Delayed(vhost, Message(envelope, said[at:], body or b"", timestamp_ms), due_ms)


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    size, at = varints.decode(data, at)
    return data[at : at + size].decode(*_TEXT), at + size
