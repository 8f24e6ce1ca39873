"""Rows of lists that somebody looks at: what of them changed since he was told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from anymq.management.api import connections, exchanges, groups, queues, topics
from anymq.management.api.call import Call
from anymq.management.api.faults import bad_request

ROWS_MAX = 500  # of all kinds together: a page of a table
ROWS_PER_PIECE = 25
WISHES_MAX = 32

Row = Mapping[str, Any]
Find = Callable[[str], Row | None]  # by a name; None: there is none, or not for this caller


@dataclass(slots=True)
class Shown:
    """Some rows of one list, and what the client knows of them."""

    kind: str
    vhost: str | None
    names: Sequence[str]
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def changes(self, call: Call) -> Iterator[dict[str, Any] | None]:
        """Look at the rows, some at a time; at last, say what changed."""
        find = FINDERS[self.kind](call, self.vhost or "")
        rows: list[Row] = []
        gone: list[str] = []
        left = iter(self.names)
        while some := list(islice(left, ROWS_PER_PIECE)):
            for name in some:
                self._look(name, find(name), rows, gone)
            yield None
        if rows or gone:
            said: dict[str, Any] = {"kind": self.kind, "rows": rows, "gone": gone}
            yield said if self.vhost is None else {**said, "vhost": self.vhost}

    def _look(self, name: str, row: Row | None, rows: list[Row], gone: list[str]) -> None:
        if row is None:
            if name not in self.gone:
                self.gone.add(name)
                self.known.pop(name, None)
                gone.append(name)
            return
        self.gone.discard(name)
        known = self.known.setdefault(name, {})
        delta = {key: each for key, each in row.items() if key not in known or known[key] != each}
        if delta:
            known.update(delta)
            rows.append({"name": row.get("name", name), **delta})


def read_wish(said: object) -> list[Shown]:
    """Return what a client says it shows; refuse what makes no sense."""
    if not isinstance(said, list) or len(said) > WISHES_MAX:
        raise bad_request(f"rows is a list of at most {WISHES_MAX} objects")
    shown = [_read_one(each) for each in said]
    if sum(len(each.names) for each in shown) > ROWS_MAX:
        raise bad_request(f"at most {ROWS_MAX} names, of all kinds together")
    return shown


def _read_one(said: object) -> Shown:
    if not isinstance(said, dict) or said.get("kind") not in FINDERS:
        raise bad_request(f"the kind of rows is one of {', '.join(FINDERS)}")
    kind, vhost, names = said["kind"], said.get("vhost"), said.get("names")
    if (kind in WITH_VHOST) is not isinstance(vhost, str):
        raise bad_request(f"{' and '.join(WITH_VHOST)} have a vhost, the others have none")
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise bad_request("names is a list of texts")
    return Shown(kind, vhost, list(dict.fromkeys(names)))


# How to find a row, by kind


def _queues(call: Call, vhost: str) -> Find:
    if vhost not in call.broker.vhosts or not call.caller.may_enter(vhost):
        return _nothing
    every = call.broker.vhosts[vhost].queues
    return lambda name: queues.row(call, every[name]) if name in every else None


def _exchanges(call: Call, vhost: str) -> Find:
    if vhost not in call.broker.vhosts or not call.caller.may_enter(vhost):
        return _nothing
    every = call.broker.vhosts[vhost].exchanges
    return lambda name: exchanges.row(call, every[name]) if name in every else None


def _connections(call: Call, _vhost: str) -> Find:
    every = {connections.name_of(one): one for one in connections.clients(call)}
    return lambda name: connections.row(call, every[name]) if name in every else None


def _channels(call: Call, _vhost: str) -> Find:
    every = {connections.channel_name(one): one for one in connections.all_channels(call)}
    return lambda name: connections.channel_row(call, every[name]) if name in every else None


def _topics(call: Call, _vhost: str) -> Find:
    every = call.broker.topics

    def find(name: str) -> Row | None:
        found = every.get(name)
        return topics.row(call, found) if found is not None and topics.sees(call, name) else None

    return find


def _groups(call: Call, _vhost: str) -> Find:
    every = groups.every(call.broker) if groups.sees(call) else set()
    return lambda name: groups.row(call, name) if name in every else None


def _nothing(_name: str) -> None:
    return None


WITH_VHOST = ("queues", "exchanges")
FINDERS: Mapping[str, Callable[[Call, str], Find]] = {
    "queues": _queues,
    "exchanges": _exchanges,
    "connections": _connections,
    "channels": _channels,
    "topics": _topics,
    "groups": _groups,
}
