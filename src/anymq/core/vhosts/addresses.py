"""Addresses: a topic and what is published to `amq.topic` under its name are one place.

`amq.topic` of a virtual host is its trie of addresses: MQTT and STOMP subscribe there, and AMQP
binds. Every topic is bound to it under its own name, both ways. What anyone publishes to an address
is appended to the topic of that name; what anyone appends to a topic goes to all who listen at its
address, as if it had been published there.

Nobody gets a message twice, however many ways lead to him, and nothing goes round in circles: the
ways are followed once, before anything is sent (`Ways.find`).
"""

from anymq.core.message import Envelope, Form, Message, Run
from anymq.core.portable.relayed import with_key
from anymq.core.routing.target import Target, Then
from anymq.core.vhosts.pushing import push

TRIE = "amq.topic"


class Address:
    """A place in the trie, for messages that come there from somewhere else."""

    __slots__ = ("_envelopes", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._envelopes: dict[Form, Envelope] = {}

    def run(self, run: Run) -> Run:
        """Return the same messages as they are here; made once for all who get them."""
        if run.elsewhere is None:
            run.elsewhere = {}
        known = run.elsewhere.get(self.name)
        if known is None:
            messages = [self.message(one) for one in run.messages]
            known = run.elsewhere[self.name] = Run(messages, persistent=run.persistent)
        return known

    def message(self, message: Message) -> Message:
        """Return a message as it is here: with another routing key, and its own as a header."""
        before, properties = message.envelope, message.properties
        envelope = self._envelopes.get(before.form)
        if envelope is None:
            envelope = self._envelopes[before.form] = Envelope(TRIE, self.name, before.form)
        if before.exchange and before.routing_key != self.name:
            properties = with_key(before.form, properties, before.routing_key)
        return Message(envelope, properties, message.body, message.timestamp_ms)


class AtAddress:
    """Somebody who listens at another address than the one a message was published to.

    Who publishes waits until he has it as safe as promised, but does not hear if he has no room:
    that is between him and the topic.
    """

    __slots__ = ("_address", "target")

    singles = False

    def __init__(self, target: Target, address: Address) -> None:
        self.target = target
        self._address = address

    @property
    def name(self) -> str:
        """What he is called."""
        return self.target.name

    def push(self, run: Run, then: Then | None) -> None:
        """Take a run."""
        push((self.target,), self._address.run(run), None if then is None else _heard(then))


def _heard(then: Then) -> Then:
    return lambda _: then(None)
