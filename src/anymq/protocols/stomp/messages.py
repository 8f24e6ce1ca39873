"""MESSAGE frames. What the writer of a message said is copied where that can be read as it is."""

from collections.abc import Sequence

from anymq.core.message import Message
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.queues.deadletters import died
from anymq.core.queues.delivery import Delivery
from anymq.core.vhosts.stream_arguments import OFFSET
from anymq.protocols.stomp.codec import V10, V11, V12, header_line
from anymq.protocols.stomp.dialect import Dialect
from anymq.protocols.stomp.form import BETWEEN_US, STOMP_FORM, is_plain, sayable, unpacked
from anymq.protocols.stomp.wire import Wire

REMEMBERED_MAX = 256  # headers, by one consumer
REMEMBERED_BYTES_MAX = 1024
_OURS = (STOMP_FORM, died(STOMP_FORM))
_NOT_AS_IT_IS = {V10: b"\\", V11: b"\\r"}  # what a client of this version reads otherwise
_OFFSET = OFFSET.encode()


class MessageFrames:
    """Encodes for one subscription."""

    __slots__ = (
        "_after_number",
        "_before_number",
        "_dialect",
        "_known",
        "_place",
        "_start",
        "_version",
        "_wire",
    )

    def __init__(
        self, wire: Wire, dialect: Dialect, id_start: str, id_: str | None, *, acked: bool
    ) -> None:
        version = wire.version
        self._wire = wire
        self._dialect = dialect
        self._place = f"stomp{version}{dialect.name}"  # of what is kept with an envelope
        self._version = version
        self._start = b"MESSAGE\n"
        if id_ is not None:
            self._start += header_line("subscription", id_, version)
        self._before_number = _open_line("message-id", id_start, version)
        self._after_number: bytes | None = None
        if acked and version == V12:
            self._after_number = b"\n" + _open_line("ack", id_start, version)
        self._known: dict[tuple[int, bytes], bytes] = {}

    def send(self, first: int, deliveries: Sequence[Delivery], *, offsets: bool) -> None:
        """Send these under numbers from `first` on."""
        write = self._wire.write
        lines = self._dialect.lines
        for number, (position, message, _, redelivered) in enumerate(deliveries, first):
            body, said = message.body, self._headers(message)
            parts = (
                self._start,
                self._address(message),
                self._id(number),
                b"\nredelivered:true\n" if redelivered else b"\nredelivered:false\n",
                b"%s:%d\n" % (_OFFSET, position) if offsets else b"",
                lines(message, said),
                said,
                b"content-length:%d\n\n" % len(body),
                body,
                b"\0\n",
            )
            write(b"".join(parts))

    def _id(self, number: int) -> bytes:
        text = b"%d" % number
        if self._after_number is None:
            return self._before_number + text
        return self._before_number + text + self._after_number + text

    def _address(self, message: Message) -> bytes:
        envelope = message.envelope
        key = self._place
        line: bytes | None = envelope.wire.get(key)
        if line is None:
            text = self._dialect.address(envelope.exchange, envelope.routing_key)
            line = envelope.wire[key] = header_line("destination", text, self._version)
        return line

    def _headers(self, message: Message) -> bytes:
        """Return what the message says, as this client reads it."""
        properties, form = message.properties, message.envelope.form
        if form in _OURS and is_plain(properties):
            other = _NOT_AS_IT_IS.get(self._version)
            if other is None or other not in properties:
                return properties
        if form is RECORD_FORM or len(properties) > REMEMBERED_BYTES_MAX:
            return self._rendered(message)
        known = self._known.get((form.number, properties))
        if known is None:
            known = self._rendered(message)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[form.number, properties] = known
        return known

    def _rendered(self, message: Message) -> bytes:
        properties = message.properties
        if message.envelope.form in _OURS and is_plain(properties):
            pairs = [pair for pair in unpacked(properties) if pair[0] not in BETWEEN_US]
        else:
            pairs = sayable(message.read())
        return b"".join(header_line(name, value, self._version) for name, value in pairs)


def _open_line(name: str, value: str, version: str) -> bytes:
    return header_line(name, value, version)[:-1]
