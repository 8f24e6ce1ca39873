"""Runs: what RocketMQ's clients sent, laid out for a pull as it lies in what was read of a log.

Most of what is pulled is that. One loop does what `records.slices`, `convert.own_form` and
`convert.lay_out` do one after another for all the rest: it stops before anything that is not as it
should be, or as it usually is. Measured by benchmarks/micro/rocketmq.py.
"""

from struct import Struct
from struct import error as struct_error

from crc32c import crc32c

from anymq.core.portable.reserved import RESERVED_START
from anymq.protocols.rocketmq.checksum import crc32
from anymq.protocols.rocketmq.convert import ORIGIN, ORIGIN_BYTES, USUAL, Pulled
from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, PROPERTIES_BYTES_MAX, SHORT
from anymq.storage.batch import CRC_START, HEADER_BYTES, LENGTH_END, MAGIC
from anymq.storage.varints import OF_TWO_BYTES, decode

# Of a batch: base offset, length, magic, checksum, attributes, last delta, time, how many records.
_BATCH = Struct(">qi4xBIhiq22xi")
# What most records without a key begin with: length, attributes, deltas of time and offset, no key,
# length of the value; the lengths are varints of two bytes.
_RECORD = Struct(">HBBBBH")
_V4_BYTES = 8  # of a host: address and port
_NO_KEY = 1  # a length of -1, as a varint
# How the headers of a record begin: their count, the reserved one's name, its size as a varint of
# two bytes, what says that it is RocketMQ's, the checksum of the other headers. Then the form, in
# the parts between which other fields stand in the layout: flag; sysFlag to host; from there on.
_HEAD = Struct(f">B{len(RESERVED_START)}sH{len(ORIGIN)}sI4s20s12s")
_ORIGIN_AT = 3 + len(RESERVED_START)
_SAID_AT = _ORIGIN_AT + ORIGIN_BYTES + SHORT_BYTES
_BEFORE_SAID = ORIGIN_BYTES + SHORT_BYTES
_SAID_BYTES_MAX = PROPERTIES_BYTES_MAX - SHORT_BYTES
_SYS_FLAG = 3  # of the second part, where its lowest byte is


def take_run(  # noqa: C901, PLR0915 - hot: every message that is pulled
    pulled: Pulled, data: bytes, place: int, first: int, count: int, bytes_max: int
) -> tuple[int, int, int, int]:
    """Take batches from a place on, of them the records from offset `first` on: a `TakeRun`."""
    teller, queue, passes, parts = pulled.teller, pulled.queue, pulled.passes, pulled.parts
    store_host, topic, magic, log_base = teller.store_host, teller.topic, teller.magic, pulled.base
    pack, pack_short, two, checksum_of, crc_of = USUAL.pack, SHORT.pack, OF_TWO_BYTES, crc32c, crc32
    batch_at, record_at, head_at = _BATCH.unpack_from, _RECORD.unpack_from, _HEAD.unpack_from
    fixed, view, whole = USUAL.size + len(topic) + 2, memoryview(data), len(data)
    taken = size = laid_out = left = 0
    base = base_ms = limit = position = before = last = 0  # of the batch that it is in
    if len(store_host) > _V4_BYTES:
        return 0, 0, place, first
    try:
        while taken < count and size < bytes_max:
            if not left:  # the next batch: whole, as it was written, neither packed nor special
                base, limit, kind, crc, special, last, base_ms, left = batch_at(data, place)
                limit += place + LENGTH_END
                position = place + HEADER_BYTES
                if kind != MAGIC or special or left <= 0 or not position < limit <= whole:
                    break
                if checksum_of(view[place + CRC_START : limit]) != crc:
                    break
                last, before = base + last, base - 1
            # The next record: what most begin with, or anything.
            weight, _, later, delta, key, length = record_at(data, position)
            weight, length = two[weight], two[length]
            if weight | length > 0 and not (later | delta) & 0x81 and key == _NO_KEY:
                end, at = position + 2 + weight, position + _RECORD.size
                time_ms, offset = base_ms + (later >> 1), base + (delta >> 1)
            else:
                end, later, delta, at, length = _any_record_at(data, position)
                time_ms, offset = base_ms + later, base + delta
            if not before < offset <= last or end > limit:
                break
            if offset >= first:
                value = data[at : at + length]
                at += length
                # Its headers, of which RocketMQ's own is the first one.
                many, start, weight, origin, checksum, flag, born, half = head_at(data, at)
                at += _SAID_AT
                weight = two[weight] - _BEFORE_SAID  # of the properties
                form_end = at + weight
                if start != RESERVED_START or origin != ORIGIN or many >= 0x80 or form_end > end:
                    break
                # So short that it wants a closer look, or too long; with another kind of host.
                if not V6_BYTES <= weight <= _SAID_BYTES_MAX or born[_SYS_FLAG] & BORN_V6:
                    break
                if checksum_of(data[form_end:end]) != checksum:
                    break
                if passes is None or passes(data[at - SHORT_BYTES : form_end]):
                    total = fixed + length + weight
                    crc = crc_of(value) & 0x7FFF_FFFF
                    # fmt: off
                    front = pack(
                        total, magic, crc, queue, flag, offset, log_base | offset,
                        born, time_ms, store_host, half, length,
                    )
                    # fmt: on
                    parts += (front, value, topic, pack_short(weight), data[at:form_end])
                    laid_out += total
                    taken += 1
                first = offset + 1
                size += end - position
            position, before = end, offset
            left -= 1
            if not left:
                if end != limit:
                    break
                place = limit
                # When that was enough, it goes on after the last that was taken.
                if first <= last and taken < count and size < bytes_max:
                    first = last + 1
    except (IndexError, ValueError, struct_error):
        pass  # who reads it record by record says what is wrong
    pulled.size += laid_out
    return taken, size, place, first


def _any_record_at(data: bytes, position: int) -> tuple[int, int, int, int, int]:
    """Return where a record ends, its deltas of time and offset, where its value is, how long.

    ValueError when it has no value.
    """
    length, at = decode(data, position)
    end = at + length
    later, at = decode(data, at + 1)
    delta, at = decode(data, at)
    length, at = decode(data, at)
    length, at = decode(data, at + max(length, 0))
    if length < 0:
        raise ValueError("no value")
    return end, later, delta, at, length
