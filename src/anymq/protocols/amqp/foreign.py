"""Foreign messages: what another protocol wrote, in AMQP's words."""

from dataclasses import replace

from anymq.core.message import Message, Properties, Value
from anymq.core.queues.deadletters import died
from anymq.protocols.amqp.fields import MalformedFields, encode_table
from anymq.protocols.amqp.properties import AMQP_FORM, EXPIRATION_MS_MAX

SHORT_BYTES_MAX = 255
_DIGITS = len(str(EXPIRATION_MS_MAX))
_OURS = (AMQP_FORM, died(AMQP_FORM))


def properties_of(message: Message) -> bytes:
    """Return what AMQP says of a message that may come from elsewhere."""
    if message.envelope.form in _OURS:
        return message.properties
    said = _lasting(message.read())
    try:
        return AMQP_FORM.write(said)
    except MalformedFields:
        return AMQP_FORM.write(_sayable(said))


def _lasting(said: Properties) -> Properties:
    """Say nothing of an end after the last one that a client of AMQP could hand on: 10 years."""
    expiration = said.expiration
    if expiration is None or len(expiration) < _DIGITS or int(expiration) <= EXPIRATION_MS_MAX:
        return said
    return replace(said, expiration=None)


def _sayable(said: Properties) -> Properties:
    """Leave out the headers that AMQP cannot say: names of more than 255 bytes."""
    kept = {name: value for name, value in said.headers.items() if _can_say(name, value)}
    return replace(said, headers=kept)


def _can_say(name: str, value: Value) -> bool:
    try:
        encode_table({name: value})
    except MalformedFields:
        return False
    return True


def short_name(name: str) -> bytes:
    """Return a name as a short string, cut where AMQP has no room: a record's key may be long."""
    data = name.encode(errors="replace")
    if len(data) > SHORT_BYTES_MAX:
        data = data[:SHORT_BYTES_MAX].decode(errors="ignore").encode()
    return bytes((len(data),)) + data
