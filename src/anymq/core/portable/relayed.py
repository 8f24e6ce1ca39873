"""Relayed: records of a topic as messages for those who listen at its address.

Whatever their own keys are, they have the topic's name as the routing key; the key is a header, as
it is in a queue.
"""

from collections.abc import Mapping

from typing_extensions import override

from anymq.core.message import Envelope, Form, Message, Value
from anymq.core.portable.opener import Opener
from anymq.core.portable.plain import RESERVED
from anymq.core.portable.record_form import (
    KEY_HEADER,
    RECORD_FORM,
    depends_on_time,
    sized_key,
    value_of,
)
from anymq.core.portable.reserved import Origin
from anymq.storage.records import encode_headers, headers_of


class RelayedOpener(Opener):
    """Makes messages of the records of one topic, for its address."""

    def __init__(self, topic: str, exchange: str, address: str, forms: Mapping[int, Form]) -> None:
        super().__init__(topic, forms)
        self._address_is = exchange, address
        self._key = address.encode(errors="surrogateescape")

    def relayed(
        self, key: bytes | None, value: bytes | None, headers: bytes, time_ms: int, now_ms: int
    ) -> Message:
        """Return the message that this record is. It comes now, whatever its producer's clock says.

        Unless it says when it expires: as a message, it counts that from its own time.
        """
        message = self.open(key, value, headers, time_ms)
        envelope, properties, body, _ = message
        if envelope.form is RECORD_FORM:
            expires = depends_on_time(properties)
        else:
            expires = message.traits.expiration_ms is not None
        return message if expires else Message(envelope, properties, body, now_ms)

    @override
    def _known(self, origin: Origin, key: bytes | None) -> tuple[Envelope, bytes] | None:
        known = super()._known(origin, key)
        if known is None or key is None or key == self._key:
            return known
        envelope, properties = known
        return envelope, with_key(envelope.form, properties, value_of(key))

    @override
    def _of_record(self, key: bytes | None, written: bytes) -> tuple[Envelope, bytes]:
        headers = headers_of(written)
        plain = [one for one in headers if one[0] != RESERVED]
        if len(plain) < len(headers):
            written = encode_headers(plain)
        envelope = self._envelope(*self._address_is, RECORD_FORM)
        return envelope, sized_key(None if key == self._key else key) + written

    @override
    def _address(self, origin: Origin, key: bytes | None) -> tuple[str, str]:
        return self._address_is


def with_key(form: Form, properties: bytes, key: Value) -> bytes:
    """Return properties that say which key a message has, unless they say so already."""
    said = form.read(properties)
    if KEY_HEADER in said.headers:
        return properties
    return form.write(said.with_headers(**{KEY_HEADER: key}))
