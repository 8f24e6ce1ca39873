"""Catalog: every definition, as a state machine over a store that keeps them.

A definition is a key (a path, `topics/orders`) and a value (JSON). A change takes effect here at
once, so that whoever asks next sees it; who asked for it hears when it is durable. Should the store
fail to keep it, it is undone. What the definitions mean to the rest of the broker goes through one
door, `on_change`, at the start, on changes and when they are undone.

The keys and values are on disk: change their meaning, raise storage's version.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec

from anymq.core.changes import CHANGED, CREATED, DELETED, Changes
from anymq.core.routing.records import BindingRecord, ExchangeRecord, QueueRecord, VhostRecord
from anymq.core.streams.topics import TopicRecord

Then = Callable[[Exception | None], None]
Changed = Callable[[str, bytes | None], None]  # a key, and what is defined under it now
R = TypeVar("R", bound=msgspec.Struct)

LOG_ID_FIRST = 16  # those below are ours: definitions, offsets, …


class DefinitionStore(Protocol):
    """Keeps definitions."""

    def load(self) -> Mapping[str, bytes]:
        """Return everything that is kept."""

    def value(self, key: str) -> bytes | None:
        """Return what is kept under this key."""

    def put(self, changes: Mapping[str, bytes | None], then: Then) -> None:
        """Keep these values, forget those that are None: all or nothing; then say so, once."""


class CatalogListener(Protocol):
    """Who builds the real things from the definitions."""

    def on_topic(self, name: str, record: TopicRecord | None) -> None:
        """This is how a topic is defined now; None: there is none."""

    def on_broker_config(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        """These are the dynamic configs now, by node."""


class VhostListener(Protocol):
    """Who builds virtual hosts and what is in them. Keys are as the catalog has them."""

    def on_vhost(self, key: str, record: VhostRecord | None) -> None:
        """There is this virtual host; None: there is none."""

    def on_exchange(self, key: str, record: ExchangeRecord | None) -> None:
        """There is this exchange; None: there is none."""

    def on_queue(self, key: str, record: QueueRecord | None) -> None:
        """There is this queue; None: there is none."""

    def on_binding(self, key: str, record: BindingRecord | None) -> None:
        """There is this binding; None: there is none."""


def topic_key(name: str) -> str:
    """Return the key of a topic."""
    return f"topics/{name}"


class Catalog:
    """What is defined, by kind."""

    def __init__(self, store: DefinitionStore) -> None:
        self.topics: dict[str, TopicRecord] = {}
        self.starts: dict[int, int] = {}  # log id → first offset, where DeleteRecords set it
        self.doomed: set[int] = set()  # logs of deleted topics that may still be on disk
        self.counters: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.broker_configs: dict[str, dict[str, str]] = {}  # "default", or a node's id
        self.changes = Changes()  # by keys; and what others note there
        self._store = store
        self._listener: CatalogListener | None = None
        self._vhosts: VhostListener | None = None
        self._others: dict[str, Changed] = {}
        # Changes on their way to the disk: what was durable before, and how many are on the way.
        self._durable: dict[str, tuple[bytes | None, int]] = {}
        self._waiting: dict[str, list[Then]] = {}  # for all changes of a key
        self._values: dict[str, bytes] = {}
        for key, value in store.load().items():
            self._values[key] = value
            self._apply(key, value)

    def listen(self, listener: CatalogListener) -> None:
        """Tell `listener` what there is, and from now on what changes."""
        self._listener = listener
        listener.on_broker_config(self.broker_configs)
        for name, record in self.topics.items():
            listener.on_topic(name, record)

    def listen_to_vhosts(self, listener: VhostListener) -> None:
        """Tell `listener` from now on what changes; what there is it asks for: `records`."""
        self._vhosts = listener

    def listen_to(self, kind: str, changed: Changed) -> None:
        """Tell `changed` from now on what changes of a kind that means nothing here."""
        self._others[kind] = changed

    def keys(self, *prefixes: str) -> list[str]:
        """Return the keys that begin so."""
        return [key for key in self._values if key.startswith(prefixes)]

    def values(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return what is defined under the keys that begin so."""
        return [(key, value) for key, value in self._values.items() if key.startswith(prefix)]

    def records(self, prefix: str, decoder: "msgspec.json.Decoder[R]") -> list[tuple[str, R]]:
        """Return what is defined of one kind, or in one virtual host, by key."""
        return [(key, decoder.decode(value)) for key, value in self.values(prefix)]

    def change(
        self,
        changes: Mapping[str, msgspec.Struct | None],
        then: Then,
        *,
        new_logs: Iterable[int] = (),
        doomed: Iterable[int] = (),
    ) -> None:
        """Define all of these, in this order, or forget them (None).

        `doomed`: logs of what is forgotten, until `buried` is told that they are gone.
        """
        encoded: dict[str, bytes | None] = {
            key: None if record is None else _encode(record) for key, record in changes.items()
        }
        following = max(new_logs, default=-1) + 1
        if following > self.counters.get("log_id", 0):
            encoded["counters/log_id"] = _encode(following)
        encoded.update((f"doomed/{log_id}", _encode(True)) for log_id in doomed)
        self._put(encoded, then)

    def put_topic(self, name: str, record: TopicRecord, then: Then) -> None:
        """Define a topic, or define it anew."""
        changes: dict[str, bytes | None] = {topic_key(name): _encode(record)}
        following = max(record.logs) + 1
        if following > self.counters.get("log_id", 0):
            # It goes with the topic, so that no log id is ever used twice.
            changes["counters/log_id"] = _encode(following)
        self._put(changes, then)

    def without_topic(self, name: str) -> dict[str, msgspec.Struct | None]:
        """Return the changes that forget a topic; its logs are doomed then."""
        logs = self.topics[name].logs
        starts = [f"starts/{log_id}" for log_id in logs if log_id in self.starts]
        return dict.fromkeys([topic_key(name), *starts])

    def buried(self, log_id: int, then: Then) -> None:
        """A doomed log is gone from the disk."""
        self._put({f"doomed/{log_id}": None}, then)

    def put_start(self, log_id: int, offset: int, then: Then) -> None:
        """Records of this log before `offset` are deleted."""
        self._put({f"starts/{log_id}": _encode(offset)}, then)

    def put_broker_config(self, node: str, values: Mapping[str, str], then: Then) -> None:
        """Replace the dynamic configs of one node, or of all ("default")."""
        self._put({f"brokers/{node}": _encode(dict(values))}, then)

    def put_counter(self, name: str, value: int, then: Then) -> None:
        """Set a counter."""
        self._put({f"counters/{name}": _encode(value)}, then)

    def put_text(self, name: str, value: str, then: Then) -> None:
        """Set one of the few texts that belong to nothing else."""
        self._put({f"texts/{name}": _encode(value)}, then)

    def next_log_id(self) -> int:
        """Return a log id that was never used, as far as definitions know."""
        used = [log_id for record in self.topics.values() for log_id in record.logs]
        return max(
            LOG_ID_FIRST,
            self.counters.get("log_id", 0),
            max(used, default=0) + 1,
            max(self.doomed, default=0) + 1,
        )

    def when_kept(self, key: str, then: Then) -> None:
        """Tell when a restart would find what is defined here now, or why it would not."""
        if key in self._durable:
            self._waiting.setdefault(key, []).append(then)
        else:
            then(None)

    def _put(self, changes: Mapping[str, bytes | None], then: Then) -> None:
        for key, value in changes.items():
            before, pending = self._durable.get(key, (self._values.get(key), 0))
            self._durable[key] = (before, pending + 1)
            self._set(key, value)

        def kept(error: Exception | None) -> None:
            for key, value in changes.items():
                self._settle(key, value, error)
            then(error)

        self._store.put(changes, kept)

    def _settle(self, key: str, value: bytes | None, error: Exception | None) -> None:
        """One change of `key` is on disk, or is not and never will be."""
        before, pending = self._durable[key]
        durable = before if error is not None else value
        if pending > 1:
            self._durable[key] = (durable, pending - 1)
        else:
            del self._durable[key]
        if error is not None or pending == 1:
            self._set(key, durable)
            for then in self._waiting.pop(key, ()):
                then(error)

    def _set(self, key: str, value: bytes | None) -> None:
        before = self._values.get(key)
        if before == value:
            return
        if value is None:
            del self._values[key]
        else:
            self._values[key] = value
        self._apply(key, value)
        action = DELETED if value is None else CREATED if before is None else CHANGED
        self.changes.note(key.partition("/")[0], action, key)

    def _apply(self, key: str, value: bytes | None) -> None:
        """Give a definition its meaning."""
        kind, _, name = key.partition("/")
        if self._vhosts is not None and kind in _OF_VHOSTS:
            _OF_VHOSTS[kind](self._vhosts, key, value)
            return
        if (changed := self._others.get(kind)) is not None:
            changed(key, value)
            return
        # A kind unknown here was written by a newer version: it is kept, and means nothing.
        meaning = _MEANINGS.get(kind)
        if meaning is not None:
            meaning(self, name, value)

    def _apply_topic(self, name: str, value: bytes | None) -> None:
        record = None if value is None else _TOPIC.decode(value)
        if record is None:
            self.topics.pop(name, None)
        else:
            self.topics[name] = record
        if self._listener is not None:
            self._listener.on_topic(name, record)

    def _apply_start(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.starts.pop(int(name), None)
        else:
            self.starts[int(name)] = _INT.decode(value)

    def _apply_doomed(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.doomed.discard(int(name))
        else:
            self.doomed.add(int(name))

    def _apply_counter(self, name: str, value: bytes | None) -> None:
        self.counters[name] = 0 if value is None else _INT.decode(value)

    def _apply_text(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.texts.pop(name, None)
        else:
            self.texts[name] = _TEXT.decode(value)

    def _apply_broker_config(self, node: str, value: bytes | None) -> None:
        self.broker_configs[node] = {} if value is None else _TEXTS.decode(value)
        if self._listener is not None:
            self._listener.on_broker_config(self.broker_configs)


_MEANINGS: dict[str, Callable[[Catalog, str, bytes | None], None]] = {
    "brokers": Catalog._apply_broker_config,
    "counters": Catalog._apply_counter,
    "doomed": Catalog._apply_doomed,
    "starts": Catalog._apply_start,
    "texts": Catalog._apply_text,
    "topics": Catalog._apply_topic,
}

_encode = msgspec.json.Encoder().encode
_TOPIC = msgspec.json.Decoder(TopicRecord)
_INT = msgspec.json.Decoder(int)
_TEXT = msgspec.json.Decoder(str)
_TEXTS = msgspec.json.Decoder(dict[str, str])

VHOST = msgspec.json.Decoder(VhostRecord)
EXCHANGE = msgspec.json.Decoder(ExchangeRecord)
QUEUE = msgspec.json.Decoder(QueueRecord)
BINDING = msgspec.json.Decoder(BindingRecord)


def _decoded(value: bytes | None, decoder: "msgspec.json.Decoder[R]") -> R | None:
    return None if value is None else decoder.decode(value)


_OF_VHOSTS: dict[str, Callable[[VhostListener, str, bytes | None], None]] = {
    "vhosts": lambda who, key, value: who.on_vhost(key, _decoded(value, VHOST)),
    "exchanges": lambda who, key, value: who.on_exchange(key, _decoded(value, EXCHANGE)),
    "queues": lambda who, key, value: who.on_queue(key, _decoded(value, QUEUE)),
    "bindings": lambda who, key, value: who.on_binding(key, _decoded(value, BINDING)),
}
