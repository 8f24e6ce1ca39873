"""Runs: what RocketMQ's clients sent, laid out for a pull as it lies in what was read of a log.

Most of what is pulled is that. One loop does what `records.slices`, `convert.own_form` and
`convert.lay_out` do one after another for all the rest: it stops before anything that is not as it
should be, or as it usually is. Measured by benchmarks/micro/rocketmq.py.
"""

from struct import Struct
from struct import error as struct_error
from zlib import crc32

from crc32c import crc32c

from anymq.core.portable.reserved import RESERVED_START
from anymq.protocols.rocketmq.convert import ORIGIN, ORIGIN_BYTES, USUAL, Pulled
from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, PROPERTIES_BYTES_MAX, SHORT
from anymq.storage.batch import HEADER_BYTES, LOG_APPEND_TIME, check_at
from anymq.storage.errors import CorruptBatch
from anymq.storage.varints import decode

# How the headers of a record begin: their count, the reserved one's name, its size as a varint of
# two bytes, what says that it is RocketMQ's, the checksum of the other headers. Then the form, in
# the parts between which other fields stand in the layout: flag; sysFlag to host; from there on.
_HEAD = Struct(f">B{len(RESERVED_START)}sBB{len(ORIGIN)}sI4s20s12s")
_ORIGIN_AT = 3 + len(RESERVED_START)
_SAID_AT = _ORIGIN_AT + ORIGIN_BYTES + SHORT_BYTES
_SYS_FLAG = 3  # of the second part, where its lowest byte is
_NO_KEY = 1  # a length of -1, as a varint


def take_run(  # noqa: C901, PLR0915 - hot: every message that is pulled
    pulled: Pulled, data: bytes, place: int, first: int, count: int, bytes_max: int
) -> tuple[int, int, int, int]:
    """Take batches from a place on, of them the records from offset `first` on: a `TakeRun`."""
    teller, queue, passes, parts = pulled.teller, pulled.queue, pulled.passes, pulled.parts
    store_host, topic, magic, log_base = teller.store_host, teller.topic, teller.magic, pulled.base
    pack, pack_short, head_at = USUAL.pack, SHORT.pack, _HEAD.unpack_from
    fixed, view = USUAL.size + len(topic) + 2, memoryview(data)
    taken = size = laid_out = 0
    try:
        while len(store_host) <= 8 and taken < count and size < bytes_max:
            header = check_at(view, place)
            if header is None or header.attributes & ~LOG_APPEND_TIME:
                break
            base, _, _, _, _, appended, last_delta, base_time, time_ms, _, _, _, left = header
            position, limit, before = place + HEADER_BYTES, place + header.size, -1
            while left:
                # The record: its length, attributes, time, offset.
                at = position + 2
                if (high := data[at - 1]) < 0x80 <= (low := data[position]) and not low & 1:
                    end = at + ((low & 0x7F | high << 7) >> 1)
                else:
                    length, at = decode(data, position)
                    end = at + length
                if not at < end <= limit or (low := data[at + 1]) >= 0x80:
                    break
                if not appended:
                    time_ms = base_time + ((low >> 1) ^ -(low & 1))
                delta, at = decode(data, at + 2)
                if not before < delta <= last_delta:
                    break
                # Its key, its value.
                if data[at] == _NO_KEY:
                    at += 1
                else:
                    length, at = decode(data, at)
                    at += max(length, 0)
                    if at > end:
                        break
                offset = base + delta
                if offset < first:
                    position, before, left = end, delta, left - 1
                    continue
                length, at = decode(data, at)
                value, at = data[at : at + length], at + length
                if length < 0 or at > end:
                    break
                # Its headers, of which RocketMQ's own is the first one.
                many, start, low, high, origin, checksum, flag, born, half = head_at(data, at)
                form_end = at + _ORIGIN_AT + ((low & 0x7F | high << 7) >> 1)
                if start != RESERVED_START or origin != ORIGIN or not high < 0x80 <= low:
                    break
                if many >= 0x80 or low & 1 or born[_SYS_FLAG] & BORN_V6 or form_end > end:
                    break
                if crc32c(data[form_end:end]) != checksum:
                    break
                at += _SAID_AT
                said = data[at:form_end]
                if not V6_BYTES <= form_end - at <= PROPERTIES_BYTES_MAX - SHORT_BYTES:
                    break  # so short that it wants a closer look, or too long
                if passes is None or passes(data[at - SHORT_BYTES : form_end]):
                    total = fixed + length + len(said)
                    crc, physical = crc32(value) & 0x7FFF_FFFF, log_base | offset
                    parts += (
                        pack(
                            *(total, magic, crc, queue, flag, offset, physical),
                            *(born, time_ms, store_host, half, length),
                        ),
                        value,
                        topic,
                        pack_short(len(said)),
                        said,
                    )
                    laid_out += total
                    taken += 1
                size += end - position
                position, before, left, first = end, delta, left - 1, offset + 1
                if taken >= count or size >= bytes_max:
                    break
            if left or position != limit:
                break
            place = limit
            if taken < count and size < bytes_max:  # else as far as the last one that was taken
                first = max(first, base + last_delta + 1)
    except (CorruptBatch, IndexError, ValueError, struct_error):
        pass  # who reads it record by record says what is wrong
    pulled.size += laid_out
    return taken, size, place, first
