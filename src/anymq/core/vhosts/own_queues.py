"""Classic and quorum queues: those with logs of their own.

A durable one is defined in the catalog, which says when it begins and ends to be. One that is not
has a log all the same, where what does not fit into memory goes: such logs have high numbers, by
which the next start knows what to throw away.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec

from anymq.core.catalog import Catalog
from anymq.core.errors import PreconditionFailed
from anymq.core.joined import at_once
from anymq.core.message import Message, Value
from anymq.core.queues.arguments import (
    CLASSIC,
    QUORUM,
    check_declaration,
    check_equivalent,
    check_properties,
    kind_of,
)
from anymq.core.queues.deadletters import is_cycle
from anymq.core.queues.house import House
from anymq.core.queues.line import Line
from anymq.core.queues.lines import Lines
from anymq.core.queues.queue import Queue
from anymq.core.queues.queue_settings import settings_of
from anymq.core.queues.totals import Totals
from anymq.core.queues.turn import Turn
from anymq.core.routing.records import QueueRecord
from anymq.core.routing.target import Then
from anymq.core.steady import Steady
from anymq.core.values import check_field
from anymq.core.vhosts.definitions import Definitions, queue_key
from anymq.core.vhosts.kinds import AnyQueue, Ending, QueueDeclaration
from anymq.core.vhosts.vhost import RESERVED, VirtualHost

OWN_KINDS = (CLASSIC, QUORUM)
TRANSIENT_LOG_ID_FIRST = 1 << 40  # logs from here on do not outlive the process


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMeans:
    """What queues with logs of their own are given."""

    catalog: Catalog
    definitions: Definitions
    lines: Lines
    turn: Turn
    steady: Steady
    totals: Totals
    new_log_id: Callable[[], int]
    new_transient_log_id: Callable[[], int]
    bury: Callable[[Iterable[int]], None]  # take the logs of deleted queues off the disk


_Held = dict[int, Line]  # the lines of a queue, by level


class OwnQueues:
    """Makes classic and quorum queues, and unmakes them."""

    def __init__(self, means: QueueMeans) -> None:
        self._means = means
        self._houses: dict[VirtualHost, House] = {}
        self._held: dict[Queue, _Held] = {}
        self._deleted: dict[int, _Held] = {}  # until that is durable, by their first log

    # What a virtual host asks for

    def check_same(self, queue: AnyQueue, declaration: QueueDeclaration) -> None:
        """Refuse a declaration of the same name that is not the same."""
        of = str(declaration)
        check_field("durable", of, queue.durable, declaration.durable)
        check_field("auto_delete", of, queue.auto_delete, declaration.auto_delete)
        check_equivalent(of, queue.kind, queue.arguments, declaration.arguments)

    def key_of(self, queue: AnyQueue) -> str:
        """Return under which key the catalog keeps it."""
        assert isinstance(queue, Queue)
        return queue_key(queue.vhost_name, queue.name)

    def declare(self, vhost: VirtualHost, declaration: QueueDeclaration, then: Then) -> AnyQueue:
        """Make a queue that is not there; refuse what makes no sense."""
        kind = self._check(declaration)
        if kind == QUORUM and declaration.name.startswith(RESERVED):  # a name that we made
            raise PreconditionFailed(
                "Cannot declare a server-named queue for type rabbit_quorum_queue"
            )
        if not declaration.durable:
            log_id = self._means.new_transient_log_id()
            self._make(vhost, declaration, kind, {_first_level(kind, declaration): log_id})
            then(None)
        else:
            at_once(partial(self._define, declaration, kind), then)
        return vhost.queues[declaration.name]

    def delete(self, vhost: VirtualHost, queue: AnyQueue, then: Then) -> None:
        """Unmake it, and what only led to it."""
        assert isinstance(queue, Queue)
        going = vhost.what_goes_with(queue)
        changes = vhost.without(*going)
        if queue.durable:
            ending = self.ending(vhost, queue)
            self._means.catalog.change(
                {**ending.changes, **changes}, _both(ending.done, then), doomed=ending.logs
            )
        else:
            self._delete_transient(vhost, queue, changes, then)
        vhost.topology.drop(*going)

    def _delete_transient(
        self,
        vhost: VirtualHost,
        queue: Queue,
        changes: Mapping[str, msgspec.Struct | None],
        then: Then,
    ) -> None:
        gone = partial(self._gone, list(_logs_of(self._held[queue]).values()))
        self._unmake(vhost, queue)
        if changes:
            self._means.catalog.change(changes, _both(gone, then))
        else:
            _both(gone, then)(None)

    def ending(self, vhost: VirtualHost, queue: AnyQueue) -> Ending:
        """Return what unmakes a durable one."""
        assert isinstance(queue, Queue)
        logs = list(_logs_of(self._held[queue]).values())
        return Ending({queue_key(vhost.name, queue.name): None}, logs, partial(self._gone, logs))

    def restore(self, vhost: VirtualHost) -> None:
        """All there are are in the catalog."""

    def change(
        self,
        vhost: VirtualHost,
        queue: AnyQueue,
        arguments: Mapping[str, Value],
        then: Then,
    ) -> None:
        """Let it have other arguments, while it lives."""
        assert isinstance(queue, Queue)
        declaration = _declaration_of(queue, arguments)
        if kind_of(queue.of, arguments, queue.kind) != queue.kind:
            raise PreconditionFailed(f"{queue.of} cannot become of another type")
        check_declaration(queue.of, queue.kind, arguments)
        if queue.durable:
            self._put(declaration, queue.kind, _logs_of(self._held[queue]), then)
        else:
            queue.configure(arguments, queue.policy)
            then(None)

    # What the catalog tells

    def define(
        self,
        vhost: VirtualHost,
        name: str,
        declaration: QueueDeclaration | None,
        record: QueueRecord | None,
    ) -> None:
        """Make a durable queue be what its definition says; None: it is no more."""
        queue = vhost.queues.get(name)
        if queue is not None and not isinstance(queue, Queue):
            return  # a stream has this name by now
        if declaration is None or record is None:
            if queue is not None:
                self._unmake(vhost, queue)
        elif queue is None:
            self._make(vhost, declaration, record.kind, record.logs)
        elif dict(declaration.arguments) != dict(queue.arguments):
            # A level that the disk did not keep is still there, and is going to be tried again.
            queue.configure(declaration.arguments, queue.policy)

    # Within

    def _check(self, declaration: QueueDeclaration) -> str:
        of, arguments = str(declaration), declaration.arguments
        kind = kind_of(of, arguments)
        check_declaration(of, kind, arguments)
        check_properties(
            of,
            kind,
            durable=declaration.durable,
            exclusive=declaration.owner is not None,
            auto_delete=declaration.auto_delete,
        )
        return kind

    def _define(self, declaration: QueueDeclaration, kind: str, then: Then) -> None:
        log_id = self._means.new_log_id()
        logs = {_first_level(kind, declaration): log_id}
        self._put(declaration, kind, logs, partial(self._declared, log_id, then))

    def _put(
        self, declaration: QueueDeclaration, kind: str, logs: Mapping[int, int], then: Then
    ) -> None:
        record = self._means.definitions.of_queue(declaration, kind, logs)
        key = queue_key(declaration.vhost_name, declaration.name)
        self._means.catalog.change({key: record}, then, new_logs=logs.values())

    def _declared(self, log_id: int, then: Then, error: Exception | None) -> None:
        if error is not None:
            self._deleted.pop(log_id, None)
            self._means.lines.abandon(log_id, error)
        then(error)

    def _gone(self, logs: list[int], error: Exception | None) -> None:
        """Nothing can bring it back, or it is back already."""
        self._deleted.pop(min(logs), None)
        if error is None:
            self._means.bury(logs)

    def _make(
        self,
        vhost: VirtualHost,
        declaration: QueueDeclaration,
        kind: str,
        logs: Mapping[int, int],
    ) -> None:
        held = self._deleted.pop(min(logs.values()), None)
        if held is None:
            held = {
                level: self._line(log_id, declaration.durable) for level, log_id in logs.items()
            }
        for line in held.values():
            line.take_back()  # its deletion failed: who had something has let go of the queue
        queue = Queue(
            declaration.name,
            declaration.vhost_name,
            self._house(vhost),
            kind=kind,
            durable=declaration.durable,
            lines=held,
            owner=declaration.owner,
            auto_delete=declaration.auto_delete,
            arguments=declaration.arguments,
            policy=vhost.rules.definition(kind, declaration.name),
        )
        self._held[queue] = held
        vhost.topology.put_queue(queue)

    def _unmake(self, vhost: VirtualHost, queue: Queue) -> None:
        vhost.topology.drop_queue(queue)
        held = self._held.pop(queue)
        if queue.durable:
            self._deleted[min(_logs_of(held).values())] = held
        queue.close()

    def _house(self, vhost: VirtualHost) -> House:
        house = self._houses.get(vhost)
        if house is None:
            vhost.on_end[partial(self._forget_house, vhost)] = None
            house = self._houses[vhost] = House(
                turn=self._means.turn,
                steady=self._means.steady,
                republish=_Republish(vhost),
                new_line=self._new_line,
                keep_levels=self._keep_levels,
                discard=vhost.gone,
                totals=self._means.totals,
                taps=vhost.taps,
            )
        return house

    def _forget_house(self, vhost: VirtualHost) -> None:
        self._houses.pop(vhost, None)

    def _line(self, log_id: int, durable: bool) -> Line:
        return self._means.lines.line(log_id, durable=durable)

    def _new_line(self, queue: Queue, level: int) -> Line:
        """A message of this priority came for the first time."""
        means = self._means
        log_id = means.new_log_id() if queue.durable else means.new_transient_log_id()
        self._held[queue][level] = line = self._line(log_id, queue.durable)
        return line

    def _keep_levels(self, queue: Queue, then: Then) -> None:
        logs = _logs_of(self._held[queue])
        self._put(_declaration_of(queue, queue.arguments), queue.kind, logs, then)


class _Republish:
    """How dead letters of a virtual host go out."""

    def __init__(self, vhost: VirtualHost) -> None:
        self._vhost = vhost

    def __call__(self, exchange: str, routing_key: str, message: Message, then: Then) -> bool:
        """Publish it, except to queues in a dead-letter cycle; False: no queue wants it."""
        return self._vhost.publishing.republish(
            message, then, lambda name: not is_cycle(name, message)
        )


def _logs_of(held: _Held) -> dict[int, int]:
    """Return the ids of their logs, by level."""
    return {level: line.log.id for level, line in held.items()}


def _both(first: Then, second: Then) -> Then:
    """Return one that tells both."""

    def told(error: Exception | None) -> None:
        first(error)
        second(error)

    return told


def _first_level(kind: str, declaration: QueueDeclaration) -> int:
    return settings_of(kind, declaration.arguments).default_level


def _declaration_of(queue: Queue, arguments: Mapping[str, Value]) -> QueueDeclaration:
    return QueueDeclaration(
        name=queue.name,
        vhost_name=queue.vhost_name,
        durable=queue.durable,
        owner=queue.owner,
        auto_delete=queue.auto_delete,
        arguments=arguments,
    )
