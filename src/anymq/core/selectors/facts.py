"""Facts: what a message says, by the names that selectors use.

`JMS…` are the names of JMS, `properties.…` those of the envelope; every other name is a header.
"""

from collections.abc import Callable, Mapping

from anymq.core.message import Message, Properties
from anymq.core.selectors.evaluating import Value

PRIORITY = 4  # of a message that says none, in JMS
PERSISTENT = 2
_PROPERTIES = frozenset(Properties.__dataclass_fields__) - {"headers"}
_PREFIX = "properties."


class Facts:
    """One message's, decoded at most once for all the selectors that ask."""

    __slots__ = ("_said", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self._said: Properties | None = None

    @property
    def said(self) -> Properties:
        """All that it says beside key and body."""
        if self._said is None:
            self._said = _read(self.message)
        return self._said

    def get(self, name: str) -> Value:
        """Return what it says under this name; None: nothing that can be compared."""
        of_jms = _JMS.get(name)
        if of_jms is not None:
            return of_jms(self.message, self.said)
        found = self.said.headers.get(name)
        if found is None and name.startswith(_PREFIX) and name[len(_PREFIX) :] in _PROPERTIES:
            found = getattr(self.said, name[len(_PREFIX) :])
        return comparable(found)


def comparable(value: object) -> Value:
    """Return a header as selectors compare it; None: they cannot."""
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)  # AMQP's own widths are all the same here
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return _text(value)
    return None


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _read(message: Message) -> Properties:
    try:
        return message.read()
    except ValueError:
        return Properties()  # it says nothing that anybody could read


def _timestamp(message: Message, said: Properties) -> Value:
    return said.timestamp * 1000 if said.timestamp is not None else message.timestamp_ms


def _expiration(message: Message, said: Properties) -> Value:
    expiration_ms = message.traits.expiration_ms
    return 0 if expiration_ms is None else message.timestamp_ms + expiration_ms


def _mode(message: Message, said: Properties) -> Value:
    return "PERSISTENT" if said.delivery_mode == PERSISTENT else "NON_PERSISTENT"


_JMS: Mapping[str, Callable[[Message, Properties], Value]] = {
    "JMSMessageID": lambda _, said: said.message_id,
    "JMSCorrelationID": lambda _, said: said.correlation_id,
    "JMSReplyTo": lambda _, said: said.reply_to,
    "JMSType": lambda _, said: said.type,
    "JMSPriority": lambda _, said: PRIORITY if said.priority is None else said.priority,
    "JMSTimestamp": _timestamp,
    "JMSExpiration": _expiration,
    "JMSDeliveryMode": _mode,
    "JMSDestination": lambda message, _: message.envelope.routing_key,
    "JMSXUserID": lambda _, said: said.user_id,
}
