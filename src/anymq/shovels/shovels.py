"""Shovels: all of them. They follow the parameters of their component."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, cast

from anymq.core.broker import Broker
from anymq.core.errors import Invalid
from anymq.core.rights.permit import EVERYTHING, Permit, Rights
from anymq.core.taps import Origin
from anymq.core.timers import Timer
from anymq.observability.log import Log
from anymq.shovels import local
from anymq.shovels.amqp.dest import AmqpDest
from anymq.shovels.amqp.end import Means as AmqpMeans
from anymq.shovels.amqp.source import AmqpSource
from anymq.shovels.definition import AMQP, COMPONENT, KAFKA, MQTT, Definition, End, parse
from anymq.shovels.ends import Connect, Dest, Soon, Source, Worker
from anymq.shovels.forwarding import Forwarding
from anymq.shovels.kafka.cluster import Means as KafkaMeans
from anymq.shovels.kafka.dest import KafkaDest
from anymq.shovels.kafka.source import KafkaSource
from anymq.shovels.mqtt.dest import MqttDest
from anymq.shovels.mqtt.end import Means as MqttMeans
from anymq.shovels.mqtt.source import MqttSource
from anymq.shovels.run import Run
from anymq.shovels.shovel import Shovel

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many there may be, and how much each may hold."""

    shovels_max: int
    bytes_max: int  # in flight, of each
    message_bytes_max: int


class Shovels:
    """All there are, by virtual host and name."""

    def __init__(
        self,
        broker: Broker,
        *,
        connect: Connect,
        soon: Soon,
        limits: Callable[[], Limits],
        cluster_name: Callable[[], str],
    ) -> None:
        self._broker = broker
        self._connect = connect
        self._soon = soon
        self._limits = limits
        self._cluster_name = cluster_name
        self._shovels: dict[tuple[str, str], Shovel] = {}
        self._stopped = False
        self.retain: local.Retain | None = None  # given by who has what MQTT retains
        parameters = broker.policies.parameters
        parameters.listen_to(COMPONENT, self._changed)
        broker.policies.components[COMPONENT] = self.check

    def start(self) -> None:
        """Begin with those that there are."""
        for one in self._broker.policies.parameters.list(COMPONENT):
            self._changed(one.vhost, one.name)

    def stop(self) -> None:
        """End all."""
        self._stopped = True
        for shovel in self._shovels.values():
            shovel.stop()
        self._shovels.clear()

    def check(self, vhost: str, name: str, value: Any) -> None:
        """Refuse what is no shovel, and one too many."""
        parse(name, value)
        there = name in self._broker.policies.parameters.of(vhost, COMPONENT)
        most = self._limits().shovels_max
        if not there and len(self._broker.policies.parameters.list(COMPONENT)) >= most:
            raise Invalid(f"there are {most} shovels (limits.shovels_max), no more are allowed")

    # Looking

    def list(self) -> Iterable[Shovel]:
        """Return all."""
        return list(self._shovels.values())

    def find(self, vhost: str, name: str) -> Shovel | None:
        """Return one."""
        return self._shovels.get((vhost, name))

    # Following

    def _changed(self, vhost: str, name: str) -> None:
        if self._stopped:
            return
        old = self._shovels.pop((vhost, name), None)
        if old is not None:
            old.stop()
        values = self._broker.policies.parameters.of(vhost, COMPONENT)
        if name in values:
            self._make(vhost, name, values[name])

    def _make(self, vhost: str, name: str, value: Any) -> None:
        try:
            definition = parse(name, value)
        except Invalid as error:
            log.error("a shovel makes no sense", name=name, vhost=vhost, reason=error)
            return
        broker = self._broker
        shovel = self._shovels[vhost, name] = Shovel(
            vhost,
            name,
            definition,
            begin=partial(self._begin, vhost, name),
            later=self._later,
            wall_ms=broker.clock.wall_ms,
            done=partial(self._delete, vhost, name),
        )
        self._soon(shovel.start)

    def _delete(self, vhost: str, name: str) -> None:
        self._soon(lambda: self._broker.policies.parameters.delete(vhost, COMPONENT, name))

    def _begin(
        self, vhost: str, name: str, definition: Definition, ended: Callable[[str | None], None]
    ) -> Run:
        clock = self._broker.clock
        stamp = {
            "shovelled-by": self._cluster_name(),
            "shovel-type": "dynamic",
            "shovel-name": name,
            "shovel-vhost": vhost,
        }
        forwarding = Forwarding(
            definition.source, definition.dest, stamp, lambda: clock.wall_ms() // 1000
        )
        run = Run(
            definition,
            forwarding,
            bytes_max=self._limits().bytes_max,
            timers=self._broker.timers,
            now=clock.monotonic,
            soon=self._soon,
            ended=ended,
        )
        run.open(partial(self._ends, vhost, name, definition))
        return run

    # Ends

    def _ends(
        self, vhost: str, name: str, definition: Definition, worker: Worker
    ) -> tuple[Source, Dest]:
        return (
            self._source(vhost, name, definition, worker),
            self._dest(vhost, name, definition, worker),
        )

    def _source(self, vhost: str, name: str, definition: Definition, worker: Worker) -> Source:
        if definition.source.protocol == KAFKA:
            return KafkaSource(self._kafka(), definition, worker, self._broker.forms)
        if definition.source.protocol == MQTT:
            return MqttSource(self._mqtt(vhost, name), definition, worker)
        if _is_remote(definition.source):
            return AmqpSource(self._amqp(name), definition, worker)
        return local.LocalSource(self._local(vhost, name), definition, worker, vhost, name)

    def _dest(self, vhost: str, name: str, definition: Definition, worker: Worker) -> Dest:
        if definition.dest.protocol == KAFKA:
            return KafkaDest(self._kafka(), definition, worker)
        if definition.dest.protocol == MQTT:
            return MqttDest(self._mqtt(vhost, name), definition, worker)
        if _is_remote(definition.dest):
            return AmqpDest(self._amqp(name), definition, worker)
        means = self._local(vhost, name)
        if definition.source.protocol == MQTT:
            means = replace(means, retain=self.retain)
        return local.LocalDest(means, definition.dest, worker, vhost)

    def _amqp(self, name: str) -> AmqpMeans:
        return AmqpMeans(
            self._connect,
            self._broker.now_ms,
            f"Shovel {name}",
            self._limits().message_bytes_max,
        )

    def _mqtt(self, vhost: str, name: str) -> MqttMeans:
        ours = self._broker.cluster_id
        return MqttMeans(
            self._connect,
            self._soon,
            self._broker.now_ms,
            client_id=_client_id(ours, vhost, name),
            ours=ours,
            message_bytes_max=self._limits().message_bytes_max,
        )

    def _kafka(self) -> KafkaMeans:
        return KafkaMeans(self._connect, self._soon, self._later)

    def _later(self, delay: float, act: Callable[[], None]) -> Timer:
        return self._broker.timers.at(self._broker.clock.monotonic() + delay, act)

    def _local(self, vhost: str, name: str) -> local.Means:
        broker = self._broker
        user = broker.policies.parameters.by(vhost, COMPONENT, name)
        return local.Means(
            vhosts=broker.vhosts,
            permit=lambda where: self._permit(user, where),
            who=Origin("shovel", name, 0, user or ""),
            flow=broker.flow,
            backlog=lambda: broker.backlog,
            now_ms=broker.now_ms,
            soon=self._soon,
        )

    def _permit(self, user: str | None, vhost: str) -> Permit:
        if user is None:
            return Permit(cast("Rights", _Operator()), "", vhost)
        return self._broker.users.permit(user, vhost)


class _Operator:
    """The rights of shovels that came with the configuration: whoever writes that may anything."""

    version = 0

    def of(self, user: str, vhost: str) -> Any:
        return EVERYTHING

    def topics_of(self, user: str, vhost: str) -> Any:
        return {}

    def may_pose(self, user: str) -> bool:
        return True

    def has_rules(self, user: str) -> bool:
        return False

    def ruled(self, *_: str) -> bool | None:
        return None


def _client_id(*names: str) -> str:
    """Return what no other shovel is called, and this one again after a restart.

    A session there waits for it. With `-out` it has 23 characters at most: every broker takes that.
    """
    digest = sha256("\0".join(names).encode()).hexdigest()
    return f"anymq-{digest[:12]}"


def _is_remote(end: End) -> bool:
    """Is there a connection to be made? amqp:// without a host is this broker."""
    return end.protocol == AMQP and any(one.address is not None for one in end.amqp)
