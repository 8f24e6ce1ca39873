"""The dialect of ActiveMQ (and Artemis): other destinations, other names of headers.

docs/protocols/stomp-activemq.md says what is understood. What it has and we do not is refused, not
overheard: a client may rely on it.
"""

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from anymq.core.message import Message
from anymq.core.rights.permit import CONFIGURE, READ
from anymq.core.selectors.selector import ARGUMENT as SELECTOR
from anymq.core.vhosts.kinds import STREAM, AnyQueue
from anymq.protocols.stomp import destinations, patterns
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.destinations import BadDestination, escaped
from anymq.protocols.stomp.dialect import Dialect, Headers
from anymq.protocols.stomp.errors import StompError
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.making import is_true, number_of, selector_argument

PREFETCH = "1000"  # ActiveMQ's, of who does not say
PLACES_MAX = 100  # of one frame
MATCHING_MAX = 1000  # queues that one subscription reads by a pattern
PRIORITY = 4  # of messages that say none
TEMPORARY = "activemq.temp."
TEMP_TOPIC = "temp."
DURABLE = "activemq.durable."

DELAY = "AMQ_SCHEDULED_DELAY"
_UNKNOWN_DELAYS = ("AMQ_SCHEDULED_PERIOD", "AMQ_SCHEDULED_REPEAT", "AMQ_SCHEDULED_CRON")
_UNKNOWN_WISHES = ("browser", "activemq.noLocal", "no-local")
_NAMES = ("activemq.subscriptionName", "activemq.subcriptionName", "durable-subscription-name")
_WINDOWS = ("consumer-window-size", "consumerWindowSize")
_MAILBOXES = (TEMPORARY, DURABLE, "stomp-", "stomp.gen-", "mqtt-", "amq.")
_KNOWN = "/queue/ /topic/ /temp-queue/ /temp-topic/"


class ActivemqDialect(Dialect):
    """Turns it into RabbitMQ's words, and back."""

    name = "activemq"

    @override
    def sends(self, ground: Ground, frame: Frame) -> Sequence[Frame]:
        text = frame.headers.get("destination")
        if text is None:
            return (frame,)
        headers = dict(frame.headers)
        # ActiveMQ gives both itself, whatever a client says.
        headers.pop("message-id", None)
        headers.pop("timestamp", None)
        _refuse(headers, _UNKNOWN_DELAYS)
        if (delay := number_of(headers, DELAY)) is not None:
            headers["x-delay"] = str(delay)
        if expires_ms := number_of(headers, "expires"):
            headers["expiration"] = str(max(expires_ms - ground.broker.now_ms(), 0))
        if (reply_to := headers.get("reply-to")) is not None:
            headers["reply-to"] = _reply_to(ground, reply_to)
        places = [_sent_to(ground, one) for one in _parts_of(text)]
        return [
            Frame(frame.command, {**headers, "destination": place}, frame.body) for place in places
        ]

    @override
    def subscribes(self, ground: Ground, headers: Headers) -> Sequence[Headers]:
        text = headers.get("destination")
        if text is None:
            return (headers,)
        _refuse(headers, _UNKNOWN_WISHES)
        said = {**headers, "prefetch-count": _prefetch_of(headers)}
        if (priority := headers.get("activemq.priority")) is not None:
            said["x-priority"] = priority
        if is_true(headers, "activemq.exclusive"):
            said["x-single-active-consumer"] = "true"
        parts = _parts_of(text)
        name = _subscription_of(headers)
        if name is not None:
            said.update(_as_durable(ground, name, parts, headers))
        places = dict.fromkeys(place for one in parts for place in _read_from(ground, one))
        return [{**said, "destination": place} for place in places]

    @override
    def unsubscribes(self, ground: Ground, headers: Headers) -> Headers:
        said = dict(headers)
        name = _subscription_of(headers)
        if name is not None:
            said.setdefault("id", name)
            said["durable"] = "true"
        return said

    @override
    def sleeping(self, ground: Ground, headers: Headers) -> str | None:
        name = _subscription_of(headers)
        return None if name is None else _durable_name(ground, name)

    @override
    def pattern(self, headers: Headers) -> str | None:
        for part in headers.get("destination", "").split(","):
            kind, name = _kind_of(part.strip())
            if kind == "queue" and patterns.is_one(name):
                return name
        return None

    @override
    def address(self, exchange: str, routing_key: str) -> str:
        if exchange == destinations.TOPIC_EXCHANGE:
            return f"/topic/{routing_key}"
        if exchange:
            return super().address(exchange, routing_key)
        if routing_key.startswith(TEMPORARY):
            _, _, name = routing_key[len(TEMPORARY) :].partition(".")
            return f"/temp-queue/{name}"
        return f"/queue/{routing_key}"

    @override
    def lines(self, message: Message, said: bytes) -> bytes:
        """Every message of ActiveMQ says these; of two with the same name the first counts."""
        lines = b"timestamp:%d\n" % message.timestamp_ms
        if not _says(said, b"priority:"):
            lines += b"priority:%d\n" % PRIORITY
        if not _says(said, b"expires:"):
            expiration_ms = message.traits.expiration_ms
            expires = 0 if expiration_ms is None else message.timestamp_ms + expiration_ms
            lines += b"expires:%d\n" % expires
        return lines


ACTIVEMQ = ActivemqDialect()


# Destinations


def _parts_of(text: str) -> list[str]:
    """Return the single ones of what may be a list."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > PLACES_MAX:
        raise BadDestination("Illegal destination", f"at most {PLACES_MAX} in one frame")
    return parts


def _kind_of(part: str) -> tuple[str, str]:
    """Return the kind and the name: of `/queue/a.b`, `queue/a.b`, `queue://a.b`; else ("", ...)."""
    kind, slash, name = part.removeprefix("/").partition("/")
    kind, name = kind.removesuffix(":"), name.removeprefix("/") if kind.endswith(":") else name
    if not slash and kind and not part.startswith("/"):
        return "queue", part  # Artemis: an address as it is
    return (kind, name) if kind in _PLACES and name else ("", part)


def _sent_to(ground: Ground, part: str) -> str:
    kind, name = _kind_of(part)
    if kind in ("queue", "topic") and patterns.is_one(name):
        raise BadDestination("Illegal destination", f"nothing can be sent to a pattern: {part}")
    if kind == "temp-queue":
        return destinations.REPLY_QUEUE + _temp_queue(ground, name)
    return _PLACES[kind](ground, name)


def _read_from(ground: Ground, part: str) -> list[str]:
    kind, name = _kind_of(part)
    if kind == "temp-queue":
        return [f"/amq/queue/{escaped(_temp_queue(ground, name))}"]
    if kind == "queue" and patterns.is_one(name):
        there = [one.name for one in ground.vhost.queues.values() if _is_for_patterns(ground, one)]
        return [
            f"/amq/queue/{escaped(one)}" for one in patterns.matching(name, there, MATCHING_MAX)
        ]
    return [_PLACES[kind](ground, name)]


def _is_for_patterns(ground: Ground, queue: AnyQueue) -> bool:
    """Is it a queue as people name them? Mailboxes of subscriptions are not read by chance."""
    if queue.owner is not None or queue.kind == STREAM or queue.name.startswith(_MAILBOXES):
        return False
    return ground.permit.may(READ, queue.name)


def _reply_to(ground: Ground, text: str) -> str:
    """Return where answers go, so that all protocols can read it."""
    kind, _ = _kind_of(text.strip())
    return _sent_to(ground, text.strip()) if kind else text


def _temp_queue(ground: Ground, name: str) -> str:
    """Return the queue behind a `/temp-queue/NAME` of this connection, made if it is not there."""
    full = f"{TEMPORARY}{ground.session_id}.{name}"
    if full not in ground.vhost.queues:
        ground.permit.queue(CONFIGURE, full)
        ground.vhost.declare_queue(full, owner=ground.owner)
    return full


def _topic(_ground: Ground, name: str) -> str:
    return f"/topic/{escaped(patterns.as_key(name))}"


def _unknown(_ground: Ground, part: str) -> str:
    raise BadDestination(
        "Illegal destination name",
        f"Illegal destination name: [{part}] -- destinations begin with one of: {_KNOWN}\n",
    )


_PLACES: Mapping[str, Callable[[Ground, str], str]] = {
    "queue": lambda _, name: f"/queue/{escaped(name)}",
    "topic": _topic,
    "temp-queue": _unknown,  # made first: see above
    "temp-topic": lambda ground, name: _topic(ground, f"{TEMP_TOPIC}{ground.session_id}.{name}"),
    "remote-temp-queue": lambda _, name: destinations.REPLY_QUEUE + name,
    "reply-queue": lambda _, name: destinations.REPLY_QUEUE + name,
    "amq": lambda _, name: f"/amq/{name}",  # ours, as in the other dialect
    "exchange": lambda _, name: f"/exchange/{name}",
    "": _unknown,
}


# Durable subscriptions


def _subscription_of(headers: Headers) -> str | None:
    return next((headers[name] for name in _NAMES if headers.get(name)), None)


def _durable_name(ground: Ground, name: str) -> str:
    if not ground.client_id:
        raise StompError(
            "Missing client-id", "a durable subscription needs a 'client-id' in CONNECT\n"
        )
    return f"{DURABLE}{ground.client_id}.{name}"


def _as_durable(
    ground: Ground, name: str, parts: Sequence[str], headers: Headers
) -> dict[str, str]:
    """Return what makes it one: a queue that stays. Another condition makes it another one."""
    kind, topic = _kind_of(parts[0])
    if len(parts) != 1 or kind != "topic":
        raise BadDestination("Illegal destination", "durable subscriptions are to one topic")
    full = _durable_name(ground, name)
    queue = ground.vhost.queues.get(full)
    if queue is not None and not _is_same(ground, queue, patterns.as_key(topic), headers):
        ground.permit.queue(CONFIGURE, full)
        ground.vhost.delete_queue(full, owner=ground.owner)
    return {
        "id": headers.get("id", name),
        "durable": "true",
        "auto-delete": "false",
        "exclusive": "false",
        "x-queue-name": full,
    }


def _is_same(ground: Ground, queue: AnyQueue, key: str, headers: Headers) -> bool:
    keys = {one.key for one in ground.vhost.topology.leading_to(queue)}
    selector = queue.arguments.get(SELECTOR)
    return keys == {key} and selector == selector_argument(headers).get(SELECTOR)


# Headers


def _prefetch_of(headers: Headers) -> str:
    for name in ("activemq.prefetchSize", "prefetch-count"):
        if name in headers:
            return str(number_of(headers, name) or 1)  # none at a time: one
    window = next((headers[name] for name in _WINDOWS if name in headers), None)
    return "1" if window == "0" else PREFETCH


def _refuse(headers: Headers, names: Sequence[str]) -> None:
    for name in names:
        if headers.get(name, "false") not in ("false", "0", ""):
            raise StompError("not_implemented", f"there is no '{name}' here\n")


def _says(lines: bytes, start: bytes) -> bool:
    return lines.startswith(start) or b"\n" + start in lines
