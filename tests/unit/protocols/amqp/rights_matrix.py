"""Every operation of AMQP by every combination of rights: what a client says, and as whom.

Names of queues begin with q, of exchanges with x; a user may do something to all of these, to one
kind, or to none. So it is seen which right an operation asks for, and on what.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple, Protocol

from anymq.core.message import Properties
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import content_frames, method_frame
from anymq.protocols.amqp.methods import Method
from anymq.protocols.amqp.properties import AMQP_FORM

PATTERNS = {"-": "", "q": "^q", "x": "^(x|amq\\.)", "*": ".*"}
_WORDS = {"-": "none", "q": "queues", "x": "exchanges", "*": "all"}
KEYS = r"^{username}\.a$"  # at the exchange amq.topic, to publish by and to bind by
PASSWORD = "secret"


def password_hash() -> str:
    """The password as RabbitMQ keeps it."""
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()


END = methods.BasicQosOk()


class User(NamedTuple):
    """By what a user may do: to nothing, queues, exchanges, all."""

    configure: str
    write: str
    read: str

    @property
    def name(self) -> str:
        return "-".join(_WORDS[each] for each in self)

    @property
    def patterns(self) -> tuple[str, str, str]:
        return PATTERNS[self.configure], PATTERNS[self.write], PATTERNS[self.read]


def users() -> Iterator[User]:
    for configure, write, read in product("-*", PATTERNS, PATTERNS):
        yield User(configure, write, read)


class Speaker(Protocol):
    """A client with an open channel, of whatever broker."""

    def ask(self, data: bytes) -> list[Method]:
        """Say this on channel 1, and return what is heard until qos-ok, or a close."""


def _said(*said: Method) -> bytes:
    return b"".join(method_frame(1, each) for each in said)


def _published(exchange: str, key: str, **properties: Any) -> bytes:
    publish = methods.BasicPublish(exchange, key, False, False)
    said = AMQP_FORM.write(Properties(**properties))
    return method_frame(1, publish) + content_frames(1, said, b"hello", 131_072)


def _queue(name: str, **arguments: Any) -> Method:
    named = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
    return methods.QueueDeclare(name, False, True, False, False, False, named)


def _passive_queue(name: str) -> Method:
    return methods.QueueDeclare(name, True, False, False, False, False, {})


def _exchange(
    name: str, kind: str = "direct", *, passive: bool = False, alternate: str = ""
) -> Method:
    more = {"alternate-exchange": alternate} if alternate else {}
    return methods.ExchangeDeclare(name, kind, passive, True, False, False, False, more)


# What there is before each operation.
THERE = _said(
    methods.QueueDelete("qnew", False, False, False),
    methods.ExchangeDelete("xnew", False, False),
    _queue("q"),
    _exchange("x"),
    _exchange("xto"),
    _exchange("xt", "topic"),
    methods.QueueUnbind("q", "x", "k", {}),
    methods.ExchangeUnbind("xto", "x", "k", False, {}),
)

OPERATIONS: Mapping[str, Callable[[User], bytes]] = {
    "queue.declare": lambda _: _said(_queue("qnew")),
    "queue.declare, there": lambda _: _said(_queue("q")),
    "queue.declare, reserved": lambda _: _said(_queue("amq.q")),
    "queue.declare, dead letters": lambda _: _said(_queue("qnew", dead_letter_exchange="x")),
    "queue.declare, dead letters nowhere": lambda _: _said(
        _queue("qnew", dead_letter_exchange="qno")
    ),
    "queue.declare, there, dead letters": lambda _: _said(_queue("q", dead_letter_exchange="x")),
    "queue.declare, passive": lambda _: _said(_passive_queue("q")),
    "queue.declare, passive, missing": lambda _: _said(_passive_queue("qno")),
    "queue.bind": lambda _: _said(methods.QueueBind("q", "x", "k", False, {})),
    "queue.bind, missing": lambda _: _said(methods.QueueBind("qno", "xno", "k", False, {})),
    "queue.bind, default": lambda _: _said(methods.QueueBind("q", "", "k", False, {})),
    "queue.bind, topic": lambda _: _said(methods.QueueBind("q", "xt", "k", False, {})),
    "queue.bind, other topic": lambda _: _said(
        methods.QueueBind("q", "amq.topic", "k.a", False, {})
    ),
    "queue.bind, own topic": lambda user: _said(
        methods.QueueBind("q", "amq.topic", f"{user.name}.a", False, {})
    ),
    "queue.unbind": lambda _: _said(methods.QueueUnbind("q", "x", "k", {})),
    "queue.unbind, other topic": lambda _: _said(methods.QueueUnbind("q", "amq.topic", "k.a", {})),
    "queue.purge": lambda _: _said(methods.QueuePurge("q", False)),
    "queue.purge, missing": lambda _: _said(methods.QueuePurge("qno", False)),
    "queue.delete": lambda _: _said(methods.QueueDelete("q", False, False, False)),
    "queue.delete, missing": lambda _: _said(methods.QueueDelete("qno", False, False, False)),
    "exchange.declare": lambda _: _said(_exchange("xnew")),
    "exchange.declare, there": lambda _: _said(_exchange("x")),
    "exchange.declare, default": lambda _: _said(_exchange("")),
    "exchange.declare, reserved": lambda _: _said(_exchange("amq.x")),
    "exchange.declare, unknown type": lambda _: _said(_exchange("xnew", "zzz")),
    "exchange.declare, alternate": lambda _: _said(_exchange("xnew", alternate="qother")),
    "exchange.declare, there, alternate": lambda _: _said(_exchange("x", alternate="qother")),
    "exchange.declare, passive": lambda _: _said(_exchange("x", passive=True)),
    "exchange.declare, passive, missing": lambda _: _said(_exchange("xno", passive=True)),
    "exchange.delete": lambda _: _said(methods.ExchangeDelete("x", False, False)),
    "exchange.delete, missing": lambda _: _said(methods.ExchangeDelete("xno", False, False)),
    "exchange.delete, default": lambda _: _said(methods.ExchangeDelete("", False, False)),
    "exchange.delete, reserved": lambda _: _said(
        methods.ExchangeDelete("amq.direct", False, False)
    ),
    "exchange.bind": lambda _: _said(methods.ExchangeBind("xto", "x", "k", False, {})),
    "exchange.bind, from q": lambda _: _said(methods.ExchangeBind("xto", "qno", "k", False, {})),
    "exchange.bind, to q": lambda _: _said(methods.ExchangeBind("qno", "x", "k", False, {})),
    "exchange.bind, default": lambda _: _said(methods.ExchangeBind("", "x", "k", False, {})),
    "exchange.bind, own topic": lambda user: _said(
        methods.ExchangeBind("xto", "amq.topic", f"{user.name}.a", False, {})
    ),
    "exchange.bind, other topic": lambda _: _said(
        methods.ExchangeBind("xto", "amq.topic", "k.a", False, {})
    ),
    "exchange.unbind": lambda _: _said(methods.ExchangeUnbind("xto", "x", "k", False, {})),
    "basic.publish": lambda _: _published("x", "k"),
    "basic.publish, missing": lambda _: _published("xno", "k"),
    "basic.publish, default": lambda _: _published("", "q"),
    "basic.publish, internal": lambda _: _published("amq.rabbitmq.trace", "q"),
    "basic.publish, topic": lambda _: _published("xt", "k"),
    "basic.publish, other topic": lambda _: _published("amq.topic", "k.a"),
    "basic.publish, own topic": lambda user: _published("amq.topic", f"{user.name}.a"),
    "basic.publish, own topic, CC": lambda user: _published(
        "amq.topic", f"{user.name}.a", headers={"CC": ["k.b"]}
    ),
    "basic.publish, own topic, BCC": lambda user: _published(
        "amq.topic", f"{user.name}.a", headers={"BCC": ["k.b"]}
    ),
    "basic.publish, as another": lambda _: _published("x", "k", user_id="root"),
    "basic.consume": lambda _: _said(
        methods.BasicConsume("q", "c", False, False, False, False, {})
    ),
    "basic.consume, missing": lambda _: _said(
        methods.BasicConsume("qno", "c", False, False, False, False, {})
    ),
    "basic.consume, replies": lambda _: _said(
        methods.BasicConsume("amq.rabbitmq.reply-to", "c", False, True, False, False, {})
    ),
    "basic.get": lambda _: _said(methods.BasicGet("q", False)),
    "basic.get, missing": lambda _: _said(methods.BasicGet("qno", False)),
    "tx, basic.publish": lambda _: (
        _said(methods.TxSelect()) + _published("x", "k") + _said(methods.TxCommit())
    ),
    "confirm.select": lambda _: _said(methods.ConfirmSelect(False)),
}

QOS = _said(methods.BasicQos(0, 0, False))


def outcome(root: Speaker, client: Speaker, user: User, operation: str) -> str:
    """Let a user try it; say what came of it, without the user's name."""
    assert root.ask(THERE + QOS)[-1] == END
    heard = client.ask(OPERATIONS[operation](user) + QOS)
    last = heard[-1]
    if isinstance(last, methods.ChannelClose | methods.ConnectionClose):
        of = methods.METHODS[last.class_id << 16 | last.method_id].NAME if last.class_id else "none"
        return f"{last.reply_text.replace(user.name, 'USER')} [{of}]"
    return "ok"


def grouped(outcomes: Mapping[tuple[str, str], str]) -> dict[str, dict[str, list[str]]]:
    """By operation, by what came of it: the users."""
    found: dict[str, dict[str, list[str]]] = {}
    for (operation, user), said in outcomes.items():
        found.setdefault(operation, {}).setdefault(said, []).append(user)
    return found
