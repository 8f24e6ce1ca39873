"""Stored: how a message is a record of its line's log.

    key: the routing key · value: the body · timestamp: when it came
    header `anymq.q`: number of the form · length, exchange · the properties as they came

A batch's base sequence, which only batches of a producer have a use for, says how many bytes its
bodies have together: so a restart knows how much is waiting without reading any of them.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from anymq.core.message import Envelope, Form, Message, Run
from anymq.storage import records, varints
from anymq.storage.batch import (
    COMPRESSION_MASK,
    HEADER_BYTES,
    LENGTH_END,
    MAGIC,
    BatchHeader,
    read_header,
)
from anymq.storage.errors import CorruptBatch, UnknownVersion

HEADER = b"anymq.q"
BATCH_BYTES_MAX = 1024 * 1024  # of bodies, but for a single message that is bigger
COPIED_BYTES_MAX = 64 * 1024  # of a body, before its record is laid into the batch
GAP_MAX = 2**31 - 1
_ENVELOPES_MAX = 10_000
_SEQUENCE_MAX = 2**31 - 1
_LENGTH_AT, _CODEC_AT = 8, 22  # within a header
_WIRE = "anymq.stored"
_TEXT = ("utf-8", "surrogateescape")  # names that are no UTF-8 come back as they were
_HEADER_START = b"\x02\x0e" + HEADER  # one header; its name's length, its name
_HEADER_SIZE = len(_HEADER_START)

_properties_of = itemgetter(1)
_timestamp_of = itemgetter(3)
_body_of = itemgetter(2)

Batch = tuple[bytes, BatchHeader]
Stored = tuple[int, Message]  # with its position
MayHold = Callable[[bytes], bool]  # may what is looked for be among these records?


def encode_run(run: Run) -> Batch:
    """Make a batch of a whole run; once, for all the lines that it goes to."""
    if run.batch is None:
        run.batch = _encode_run(run)
    batch: Batch = run.batch
    return batch


def _encode_run(run: Run) -> Batch:
    messages = run.messages
    first = messages[0]
    alike = len(messages) > 1 and (
        len(set(map(_properties_of, messages))) == 1 and len(set(map(_timestamp_of, messages))) == 1
    )
    if not alike:
        return encode(list(enumerate(messages)), 0)
    key, start = _parts_of(run.envelope)
    batch = records.build_run(
        list(map(_body_of, messages)),
        timestamp=first.timestamp_ms,
        key=key,
        headers=((HEADER, start + first.properties),),
        base_sequence=min(run.size, _SEQUENCE_MAX),
    )
    return batch, read_header(batch)


def encode(stored: Sequence[Stored], base: int) -> Batch:
    """Make one batch of these, which will begin at `base`; positions may be missing.

    Hot when messages differ: see benchmarks/micro/line.py.
    """
    number = varints.encode
    base_time = max_time = stored[0][1].timestamp_ms
    parts: list[bytes] = []
    size = 0
    for position, (envelope, properties, body, timestamp) in stored:
        key, start = _parts_of(envelope)
        max_time = max(max_time, timestamp)
        pieces = (
            b"\0",
            number(timestamp - base_time),
            number(position - base),
            number(len(key)),
            key,
            number(len(body)),
            body,
            _HEADER_START,
            number(len(start) + len(properties)),
            start,
            properties,
        )
        if len(body) <= COPIED_BYTES_MAX:
            rest = b"".join(pieces)
            parts += (number(len(rest)), rest)
        else:
            parts += (number(sum(map(len, pieces))), *pieces)
        size += len(body)
    last = stored[-1][0] - base
    fields = BatchHeader(
        *(0, 0, 0, MAGIC, 0, 0, last, base_time, max_time, records.NO_PRODUCER, -1),
        *(min(size, _SEQUENCE_MAX), len(stored)),
    )
    batch = records.seal_parts(parts, fields)
    return batch, read_header(batch)


def encode_gap(count: int) -> Batch:
    """Make a batch without records: these positions will never be there."""
    fields = BatchHeader(
        *(0, 0, 0, MAGIC, 0, 0, count - 1, 0, 0, records.NO_PRODUCER, -1, 0, 0),
    )
    batch = records.seal(b"", fields)
    return batch, read_header(batch)


def size_of(header: BatchHeader) -> int:
    """Return how many bytes the bodies of a batch have, as it says."""
    return max(header.base_sequence, 0)


def _end_of(data: bytes) -> int | None:
    """Return where the last whole batch ends; None: there is none, or one is packed."""
    at, last = 0, None
    while at + HEADER_BYTES <= len(data):
        stop = at + LENGTH_END + int.from_bytes(data[at + _LENGTH_AT : at + LENGTH_END])
        if stop > len(data):
            break
        if data[at + _CODEC_AT] & COMPRESSION_MASK:
            return None
        last, at = at, stop
    return None if last is None else read_header(data, last).next_offset


def _parts_of(envelope: Envelope) -> tuple[bytes, bytes]:
    """Return key, and what is before the properties; made once for each envelope."""
    parts: tuple[bytes, bytes] | None = envelope.wire.get(_WIRE)
    if parts is None:
        exchange = envelope.exchange.encode(*_TEXT)
        number = varints.encode
        start = number(envelope.form.number) + number(len(exchange)) + exchange
        parts = envelope.wire[_WIRE] = (envelope.routing_key.encode(*_TEXT), start)
    return parts


class Reader:
    """Makes messages of records again. Those with the same envelope share one."""

    def __init__(self, forms: Mapping[int, Form]) -> None:
        self._forms = forms
        self._envelopes: dict[tuple[bytes, bytes], Envelope] = {}
        self.stuck: set[int] = set()  # logs that could not be read just now

    def read(
        self, data: bytes, position: int, may_hold: MayHold | None = None
    ) -> tuple[list[Stored], int]:
        """Return the messages from `position` on in these batches, and where to go on.

        The last batch may be cut: then it is not looked at. Batches of which `may_hold` says no are
        left out as a whole, which is much cheaper. CorruptBatch, UnknownVersion.
        """
        found: list[Stored] = []
        if may_hold is not None and not may_hold(data) and (gone := _end_of(data)) is not None:
            return found, max(gone, position)
        at, view = 0, memoryview(data)
        end = position
        while at + HEADER_BYTES <= len(data):
            header = read_header(data, at)
            if at + header.size > len(data):
                break
            if header.next_offset > position:
                batch = view[at : at + header.size]
                self._read_batch(batch, header, position, found, may_hold)
            end = header.next_offset
            at += max(header.size, LENGTH_END)
        return found, end

    def _read_batch(
        self,
        batch: memoryview,
        header: BatchHeader,
        position: int,
        found: list[Stored],
        may_hold: MayHold | None,
    ) -> None:
        body = records.body_of(batch, header)
        if may_hold is not None and not may_hold(body):
            return
        base, time = header.base_offset, header.base_timestamp
        first = position - base
        for delta, time_delta, key, _start, value_start, end in records.slices(body, header):
            if delta >= first:
                found.append(
                    (base + delta, self._message(body, key, value_start, end, time + time_delta))
                )

    def _message(
        self, body: bytes, key: bytes | None, value_start: int, end: int, timestamp: int
    ) -> Message:
        size, at = varints.decode(body, value_start)
        value_end = at + size
        stored_at = value_end + _HEADER_SIZE
        if body[value_end:stored_at] != _HEADER_START:
            raise CorruptBatch("a record that is no message of a queue")
        value = body[at:value_end]
        _, at = varints.decode(body, stored_at)
        exchange_size, name_at = varints.decode(body, at + 1) if body[at] < 0x80 else (-1, 0)
        if exchange_size < 0:
            raise UnknownVersion("a newer version has written messages")
        start_end = name_at + exchange_size
        envelope = self._envelopes.get((key or b"", body[at:start_end]))
        if envelope is None:
            envelope = self._new_envelope(key or b"", body[at:start_end], body[name_at:start_end])
        return Message(envelope, body[start_end:end], value, timestamp)

    def _new_envelope(self, key: bytes, start: bytes, exchange: bytes) -> Envelope:
        number, _ = varints.decode(start, 0)
        if number not in self._forms:
            raise UnknownVersion(f"messages of form {number}, which is not known here")
        if len(self._envelopes) >= _ENVELOPES_MAX:
            self._envelopes.clear()
        envelope = Envelope(exchange.decode(*_TEXT), key.decode(*_TEXT), self._forms[number])
        self._envelopes[key, start] = envelope
        return envelope
