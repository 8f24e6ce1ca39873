"""Convert: what RocketMQ's clients send becomes records of topics, and records what they pull.

Both are done for every message, so they work on bytes: what a message says lies in its record's
reserved header as `form.py` has it, and goes into the layout of a pull in slices.
Measured by benchmarks/micro/rocketmq_form.py.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct

from crc32c import crc32c

from anymq.core.message import Envelope, Form, Message
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Portable
from anymq.core.portable.plain import RESERVED
from anymq.core.portable.record_form import KEY_HEADER, value_of
from anymq.core.portable.reserved import (
    DEFAULT_EXCHANGE,
    KEY_IS_TOPIC,
    RESERVED_START,
    VERSION,
)
from anymq.protocols.rocketmq.alike import Alike
from anymq.protocols.rocketmq.checksum import crc32
from anymq.protocols.rocketmq.form import (
    BETWEEN_US,
    CONTENT_ENCODING,
    ELSEWHERE,
    FORM_NUMBER,
    OWN_BYTES,
    ROCKETMQ_FORM,
    SHORT_BYTES,
    V6_BYTES,
    Said,
    born_at,
    codec_of,
    fixed_bytes,
    packed,
    packed_numbers,
    sayable,
)
from anymq.protocols.rocketmq.layout import (
    BORN_V6,
    COMPRESSED,
    LOG_ID_SHIFT,
    NAME_END,
    PAIR_END,
    PROPERTIES_BYTES_MAX,
    SHORT,
    STORE_V6,
    sized_topic,
)
from anymq.storage import records, varints
from anymq.storage.batch import MAGIC, BatchHeader
from anymq.storage.errors import CorruptBatch
from anymq.storage.records import NO_PRODUCER

REMEMBERED_MAX = 500  # of what others wrote, by each topic in use
REMEMBERED_BYTES_MAX = 1024

# Is this a message that RocketMQ clients may have? It is told the form's bytes.
Passes = Callable[[bytes], bool]


def sized(text: bytes) -> bytes:
    """Return a text with its length before it, as records have them."""
    return varints.encode(len(text)) + text


# How the reserved header begins: published to the default exchange, under the topic's name.
ORIGIN = bytes((VERSION, DEFAULT_EXCHANGE | KEY_IS_TOPIC, FORM_NUMBER))
ORIGIN_BYTES = len(ORIGIN) + 4
_NO_KEY = varints.encode(-1)
_COUNTED_START = 1 + len(RESERVED_START)
# As which header a property is written in a record, length and name; None: it is none.
_PLAIN: dict[bytes, bytes | None] = {name.encode(): None for name in BETWEEN_US}
_PLAIN |= {n: sized(field.replace("_", "-").encode()) for n, field in OWN_BYTES.items()}
_PLAIN |= {name.encode(): sized(other.encode()) for name, other in ELSEWHERE.items()}
_PLAIN |= {RESERVED: None, b"__SHARDINGKEY": None}
_UNKNOWN = b""
# Properties that were sent, as headers, for those that come again and again.
_WRITTEN: dict[bytes, bytes] = {}
WRITTEN_MAX, WRITTEN_BYTES_MAX = 1000, 64
SMALL_MAX = len(varints.SMALL)
# A whole message but body, topic and properties, where both hosts are IPv4: see layout.py.
USUAL = Struct(">iiii4sqq20sq8s12si")
_FRONT = Struct(">iiii4sqq")
_MIDDLE = Struct(">q")
_END = Struct(">i")
_CRC = Struct(">I").pack


# Sending


def record_of(said: Said) -> Portable:
    """Return all of the record of a message but its body. Hot: every message that is sent."""
    key, count, plain = _plain(said)
    reserved = packed(said)
    size = varints.encode(ORIGIN_BYTES + len(reserved))
    checksum = crc32c(plain).to_bytes(4, "big")
    head = varints.encode(count + 1)
    headers = b"".join((head, RESERVED_START, size, ORIGIN, checksum, reserved, plain))
    return Portable(key, headers)


def _plain(said: Said) -> tuple[bytes | None, int, bytes]:
    """Return the key, and how many plain headers there are, as they are written."""
    keys = sharding = None
    parts: list[bytes] = []
    written = _WRITTEN.get
    for pair in said[0].split(PAIR_END):
        header = written(pair)
        if header is None:
            name, _, value = pair.partition(NAME_END)
            if not value or not name:
                continue
            header = _header(name, value)
            if name == b"KEYS":
                keys = value
            elif name == b"__SHARDINGKEY":
                sharding = value
            elif name != b"UNIQ_KEY" and len(pair) <= WRITTEN_BYTES_MAX:
                _remember(pair, header)
        if header:
            parts.append(header)
    if said.sys_flag & COMPRESSED:
        parts.append(sized(CONTENT_ENCODING.encode()) + sized(codec_of(said.sys_flag).encode()))
    return sharding or keys, len(parts), b"".join(parts)


def _remember(pair: bytes, header: bytes) -> None:
    if len(_WRITTEN) >= WRITTEN_MAX:
        _WRITTEN.clear()
    _WRITTEN[pair] = header


def _header(name: bytes, value: bytes) -> bytes:
    """Return a property as a header of a record, as it is written; nothing, if it is none."""
    known = _PLAIN.get(name, _UNKNOWN)
    if known is None:
        return b""
    size = len(value)
    length = varints.SMALL[size] if size < SMALL_MAX else varints.encode(size)
    return (known or sized(name)) + length + value


def batch_of(messages: Sequence[tuple[Said, bytes]], timestamp_ms: int) -> bytes:
    """Make one batch of messages with their bodies, all stored at this time.

    As `record_of` and `records.encode_with_headers`, in one go. Hot: every message that is sent.
    """
    number, checksum_of = varints.encode, crc32c
    parts: list[bytes] = []
    numbers = begin = front = b""
    fixed = 0
    same: object = None  # most messages of a batch are alike
    lengths: object = None
    for delta, (said, body) in enumerate(messages):
        key, headers, plain = _plain(said)
        properties = said[0]
        if said[1:] != same:
            same, numbers, lengths = said[1:], packed_numbers(said), None
        its_lengths = headers, key, len(body), len(properties)
        if its_lengths != lengths:
            lengths = its_lengths
            keyed = _NO_KEY if key is None else sized(key)
            front = keyed + number(len(body))
            weight = number(len(properties) + ORIGIN_BYTES + len(numbers))
            begin = number(headers + 1) + RESERVED_START + weight + ORIGIN
            # No attributes, the batch's time; and checksum, key and value.
            fixed = 2 + len(front) + len(body) + len(begin) + 4 + len(numbers) + len(properties)
        at = number(delta)
        size = number(fixed + len(at) + len(plain))
        parts += (
            b"".join((size, b"\0\0", at, front)),
            body,
            b"".join((begin, _CRC(checksum_of(plain)), numbers)),
            properties,
            plain,
        )
    count = len(messages)
    fields = BatchHeader(
        *(0, 0, 0, MAGIC, 0, 0, count - 1, timestamp_ms, timestamp_ms),
        *(NO_PRODUCER, -1, -1, count),
    )
    return records.seal(b"".join(parts), fields)


# Pulling


class Teller:
    """Tells the records of one topic as RocketMQ clients read them.

    `name` is the topic as they call it, `topic` as it is called here; `store_host` is our address
    as `layout.packed_host` has it. What others wrote is remembered: most messages are alike.
    """

    def __init__(self, name: str, topic: str, store_host: bytes, forms: Mapping[int, Form]) -> None:
        self.store_host = store_host
        self.alike: Alike | None = None  # those that came last
        self.magic, self.topic = sized_topic(name.encode(errors="surrogateescape"))
        self._opener = Opener(topic, forms)
        self._remembered: dict[tuple[bytes | None, bytes], tuple[bytes, int | None]] = {}

    def form(
        self, key: bytes | None, value: bytes | None, headers: bytes, timestamp_ms: int
    ) -> bytes:
        """Return what a record says, as our form has it. CorruptBatch when its headers are none."""
        known = self._remembered.get((key, headers))
        if known is None:
            message = self._opener.open(key, value, headers, timestamp_ms)
            if message.envelope.form is ROCKETMQ_FORM:
                return message.properties
            known = told_of(message, key)
            if len(headers) <= REMEMBERED_BYTES_MAX and b"expires-at" not in headers:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[key, headers] = known
        said, born_ms = known
        return packed(Said(said, born_ms=timestamp_ms if born_ms is None else born_ms))


class Pulled:
    """What one pull gets of one partition: its `take` is for a Reader, `parts` the answer."""

    __slots__ = ("base", "parts", "passes", "queue", "size", "teller")

    def __init__(
        self, teller: Teller, queue: int, log_id: int, passes: Passes | None = None
    ) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.teller = teller
        self.queue = queue
        self.base = log_id << LOG_ID_SHIFT  # of physical offsets
        self.passes = passes

    def take(
        self, offset: int, time_ms: int, key: bytes | None, value: bytes | None, headers: bytes
    ) -> bool:
        """Take a record, if it passes. Hot: every message that is pulled."""
        form = own_form(headers) or self._others(time_ms, key, value, headers)
        if not form:
            return False
        if self.passes is not None and not self.passes(form):
            return False
        place = self.queue, offset, self.base | offset, time_ms
        self.size += lay_out(self.parts, self.teller, form, place, value or b"")
        return True

    def _others(
        self, time_ms: int, key: bytes | None, value: bytes | None, headers: bytes
    ) -> bytes:
        """Return what somebody else wrote; nothing, where its headers are none."""
        try:
            return self.teller.form(key, value, headers, time_ms)
        except CorruptBatch:  # the reader would leave out the rest of its batch
            return b""


def own_form(headers: bytes) -> bytes | None:
    """Return what RocketMQ's form says in a record's headers, if it counts.

    None: ask an Opener. Hot: every message that is pulled.
    """
    if not headers.startswith(RESERVED_START, 1) or headers[0] >= 0x80:
        return None
    size, at = varints.decode(headers, _COUNTED_START)
    if not headers.startswith(ORIGIN, at):
        return None
    form = headers[at + ORIGIN_BYTES : at + size]
    checksum = int.from_bytes(headers[at + 3 : at + ORIGIN_BYTES], "big")
    if crc32c(headers[at + size :]) != checksum or len(form) < SHORT_BYTES + V6_BYTES:
        return None  # changed, or so short that it wants a closer look
    return form


Place = tuple[int, int, int, int]  # queue, offset, physical offset, time stored


def lay_out(parts: list[bytes], teller: Teller, form: bytes, place: Place, body: bytes) -> int:
    """Append a message as clients pull it; return how many bytes that is.

    Hot: two hosts of IPv4 are nearly always so, and packed at once.
    """
    store_host, topic = teller.store_host, teller.topic
    if form[7] & BORN_V6 or len(store_host) > 8 or len(form) > PROPERTIES_BYTES_MAX:
        return _lay_out_slowly(parts, teller, form, place, body)
    queue, offset, physical, time_ms = place
    size, said = len(body), form[SHORT_BYTES:]
    total = USUAL.size + size + len(topic) + 2 + len(said)
    parts += (
        USUAL.pack(
            *(total, teller.magic, crc32(body) & 0x7FFF_FFFF, queue, form[:4], offset, physical),
            *(form[4:24], time_ms, store_host, form[24:36], size),
        ),
        body,
        topic,
        SHORT.pack(len(said)),
        said,
    )
    return total


def _lay_out_slowly(
    parts: list[bytes], teller: Teller, form: bytes, place: Place, body: bytes
) -> int:
    """As `lay_out`, with hosts of any kind, and more properties than there is room for."""
    queue, offset, physical, time_ms = place
    fixed = fixed_bytes(form)
    sys_flag = form[7] | (STORE_V6 if len(teller.store_host) > 8 else 0)
    said = _fitting(form[fixed:])
    end = [_MIDDLE.pack(time_ms), teller.store_host, form[fixed - 12 : fixed], _END.pack(len(body))]
    end += [body, teller.topic, SHORT.pack(len(said)), said]
    middle = form[4:7] + bytes((sys_flag,)) + form[8 : fixed - 12]
    total = _FRONT.size + len(middle) + sum(map(len, end))
    crc = crc32(body) & 0x7FFF_FFFF
    parts.append(_FRONT.pack(total, teller.magic, crc, queue, form[:4], offset, physical))
    parts.append(middle)
    parts += end
    return total


def _fitting(properties: bytes) -> bytes:
    """Leave out the last ones, if there is no room for them."""
    if len(properties) <= PROPERTIES_BYTES_MAX:
        return properties
    return properties[: properties.rfind(PAIR_END, 0, PROPERTIES_BYTES_MAX) + 1]


# Messages of queues


def form_of(message: Message) -> bytes:
    """Return what a message says, as our form has it: those of queues, which are no records."""
    if message.envelope.form is ROCKETMQ_FORM:
        return message.properties
    said, born_ms = told_of(message)
    return packed(Said(said, born_ms=message.timestamp_ms if born_ms is None else born_ms))


def told_of(message: Message, key: bytes | None = None) -> tuple[bytes, int | None]:
    """Return properties of what another protocol wrote; and its own time, if it says one.

    `key`: of its record, if it is one.
    """
    said = message.read()
    if key is not None:
        said = said.with_headers(**{KEY_HEADER: value_of(key)})
    time_ms = message.timestamp_ms
    born = said.timestamp
    own_time = None if born is None or born == time_ms // 1000 else born_at(born)
    return sayable(said, time_ms), own_time


def message_of(topic: str, said: Said, body: bytes, timestamp_ms: int) -> Message:
    """Return what a client sent as a message, for queues and exchanges."""
    return Message(Envelope("", topic, ROCKETMQ_FORM), packed(said), body, timestamp_ms)
