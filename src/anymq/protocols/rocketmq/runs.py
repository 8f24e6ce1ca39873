"""Runs: what RocketMQ's clients sent, laid out for a pull as it lies in what was read of a log.

Most of what is pulled is that. One loop does what `records.slices`, `convert.own_form` and
`convert.lay_out` do one after another for all the rest: it stops before anything that is not as it
should be, or as it usually is. Measured by benchmarks/micro/rocketmq.py.
"""

from struct import Struct
from struct import error as struct_error

from crc32c import crc32c

from anymq.core.portable.reserved import RESERVED_START
from anymq.protocols.rocketmq.alike import Alike, alike_of
from anymq.protocols.rocketmq.checksum import crc32
from anymq.protocols.rocketmq.convert import ORIGIN, ORIGIN_BYTES, USUAL, Pulled
from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, PROPERTIES_BYTES_MAX, SHORT, TIME
from anymq.storage.batch import CRC_START, HEADER_BYTES, LENGTH_END, MAGIC, size_at
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
LEARNT_MAX = 4  # kinds of messages, in one go: to learn takes as long as to take three
# As `USUAL`, of which some parts are the same in all.
_START, _OF_A_KIND = Struct(">ii"), Struct(">8sii4sqq20s16s12si")
_SYS_FLAG = 3  # of the second part, where its lowest byte is


# How many were taken, and how many bytes of records it came by; from which place and offset on the
# rest is.
Taken = tuple[int, int, int, int]


def take_run(
    pulled: Pulled, data: bytes, place: int, first: int, count: int, bytes_max: int
) -> Taken:
    """Take batches from a place on, of them the records from offset `first` on: a `TakeRun`."""
    teller = pulled.teller
    taken = size = learnt = 0
    done, lone = False, True
    if len(teller.store_host) > _V4_BYTES:
        return taken, size, place, first
    alike = teller.alike
    while taken < count and size < bytes_max and not done:
        left = count - taken, bytes_max - size
        if alike is None:
            found, alike = _take_any(pulled, data, place, first, *left, learnt < LEARNT_MAX)
            more, weight, place, first = found
            lone = True
            if alike is not None:
                teller.alike = alike
                learnt += 1
            done = alike is None  # the rest is for others
        elif lone and size_at(data, place) == HEADER_BYTES + alike.record_bytes:
            more, weight, place, first = _take_lone(pulled, alike, data, place, first, *left)
            lone = False
        else:
            more, weight, place, first = _take_alike(pulled, alike, data, place, first, *left)
            alike = None
        taken += more
        size += weight
    return taken, size, place, first


def _take_lone(  # hot: what those send who wait for each answer
    pulled: Pulled, alike: Alike, data: bytes, place: int, first: int, count: int, bytes_max: int
) -> Taken:
    """Take batches of one such record from a place on, as long as there are some."""
    teller, queue, passes, parts = pulled.teller, pulled.queue, pulled.passes, pulled.parts
    store_host, magic, log_base = teller.store_host, teller.magic, pulled.base
    pack, checksum_of, crc_of = USUAL.pack, crc32c, crc32
    record_bytes, body_bytes, said_bytes, _, _, _, common, apart = alike
    size = HEADER_BYTES + record_bytes
    tail = teller.topic + SHORT.pack(said_bytes)
    total = USUAL.size + body_bytes + len(tail) + said_bytes
    taken, began, view = 0, place, memoryview(data)
    most = min((len(data) - place) // size, -(-bytes_max // record_bytes))
    for fields in apart(view[place : place + most * size]):
        # fmt: off
        (
            base, sized, crc, special, time_ms, front, before, body,
            head, checksum, flag, born, half, said, plain,
        ) = fields
        # fmt: on
        if (
            taken == count
            or base < first
            or (sized, special, front, before, head) != common
            or checksum_of(view[place + CRC_START : place + size]) != crc
            or checksum_of(plain) != checksum
            or born[_SYS_FLAG] & BORN_V6
        ):
            break
        place += size
        first = base + 1
        if passes is None or passes(b"".join((flag, born, half, said))):
            # fmt: off
            numbers = pack(
                total, magic, crc_of(body) & 0x7FFF_FFFF, queue, flag, base, log_base | base,
                born, time_ms, store_host, half, body_bytes,
            )
            # fmt: on
            parts += (numbers, body, tail, said)
            taken += 1
    pulled.size += taken * total
    return taken, (place - began) // size * record_bytes, place, first


def _take_alike(  # noqa: PLR0915 - hot: most messages that are pulled
    pulled: Pulled, alike: Alike, data: bytes, place: int, first: int, count: int, bytes_max: int
) -> Taken:
    """Take such records from a place on, of batches that hold only such, any number of them."""
    teller, queue, passes, parts = pulled.teller, pulled.queue, pulled.passes, pulled.parts
    pack, checksum_of, crc_of, batch_at = _OF_A_KIND.pack, crc32c, crc32, _BATCH.unpack_from
    record_bytes, body_bytes, said_bytes, fronts, (its_before, its_head), apart, _, _ = alike
    tail = teller.topic + SHORT.pack(said_bytes)
    total = USUAL.size + body_bytes + len(tail) + said_bytes
    start_of_all, log_base = _START.pack(total, teller.magic), pulled.base
    taken, seen, view, whole = 0, 0, memoryview(data), len(data)
    most = -(-bytes_max // record_bytes)
    while whole - place >= HEADER_BYTES and taken < count and seen < most:
        base, size, kind, crc, special, last, base_ms, many = batch_at(data, place)
        limit = place + LENGTH_END + size
        done = left_out = max(first - base, 0)
        start = place + HEADER_BYTES + left_out * record_bytes
        if (
            HEADER_BYTES + many * record_bytes != LENGTH_END + size
            or kind != MAGIC
            or special
            or last + 1 != many
            or not left_out < many <= len(fronts)
            or limit > whole
            or checksum_of(view[place + CRC_START : limit]) != crc
        ):
            break
        stored = TIME.pack(base_ms) + teller.store_host
        records = apart(view[start : min(limit, start + (most - seen) * record_bytes)])
        for front, before, body, head, checksum, flag, born, half, said, plain in records:
            if (
                taken == count
                or front != fronts[done]
                or head != its_head
                or before != its_before
                or checksum_of(plain) != checksum
                or born[_SYS_FLAG] & BORN_V6
            ):
                break
            if passes is None or passes(b"".join((flag, born, half, said))):
                offset, crc = base + done, crc_of(body) & 0x7FFF_FFFF
                # fmt: off
                numbers = pack(
                    start_of_all, crc, queue, flag, offset, log_base | offset, born, stored, half,
                    body_bytes,
                )
                # fmt: on
                parts += (numbers, body, tail, said)
                taken += 1
            done += 1
        seen += done - left_out
        first = base + done
        if done < many:
            break
        place = limit
    pulled.size += taken * total
    return taken, seen * record_bytes, place, first


def _take_any(  # noqa: C901, PLR0915 - hot: every message that is pulled, and not like the last
    pulled: Pulled, data: bytes, place: int, first: int, count: int, bytes_max: int, learns: bool
) -> tuple[Taken, Alike | None]:
    """Take batches of any kind; when it `learns`, until two records are alike."""
    teller, queue, passes, parts = pulled.teller, pulled.queue, pulled.passes, pulled.parts
    store_host, topic, magic, log_base = teller.store_host, teller.topic, teller.magic, pulled.base
    pack, pack_short, two, checksum_of, crc_of = USUAL.pack, SHORT.pack, OF_TWO_BYTES, crc32c, crc32
    batch_at, record_at, head_at = _BATCH.unpack_from, _RECORD.unpack_from, _HEAD.unpack_from
    fixed, view, whole = USUAL.size + len(topic) + 2, memoryview(data), len(data)
    taken = size = laid_out = left = neighbour = record_bytes = 0
    base = base_ms = limit = position = before = last = 0  # of the batch that it is in
    at = value_at = length = form_end = 0  # of the message
    alike = None
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
                value_at = at
                at += length
                value = data[value_at:at]
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
                record_bytes = end - position
                size += record_bytes
                if learns and record_bytes == neighbour:
                    body, said = slice(value_at, value_at + length), slice(at, form_end)
                    alike = alike_of(data, place, position, end, body, said)
                    learns = False
                neighbour = record_bytes
            position, before = end, offset
            left -= 1
            if not left:
                if end != limit:
                    break
                place = limit
                # When that was enough, it goes on after the last that was taken.
                if first <= last and taken < count and size < bytes_max:
                    first = last + 1
            if alike is not None:
                break
    except (IndexError, ValueError, struct_error):
        pass  # who reads it record by record says what is wrong
    pulled.size += laid_out
    return (taken, size, place, first), alike


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
