"""Where the broker listens: every door opened, counted, listed and closed in one place."""

import ssl
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from anymq.config.model import Settings
from anymq.config.place import OFF
from anymq.management.api.site import Door
from anymq.net.connection import Connection
from anymq.net.listener import Listener, MakeSession, MakeTls, Room
from anymq.net.rounds import Rounds
from anymq.protocols.session import Traffic
from anymq.protocols.websocket.session import Inside, WebSocketSession
from anymq.wiring import make_tls, make_unvouched_tls, patience

TLS = "_tls"  # how names of doors with TLS end
WEBSOCKET = "_websocket"
GRPC = "rocketmq_grpc"
DETECTED = ("rocketmq", "rocketmq_nameserver", GRPC)  # who takes TLS without a port for it
BROWSERS = "management"  # whose clients need not show a certificate
CALLED = {  # how tools call what is spoken there, where it is not called by its name
    "kafka_tls": "kafka/ssl",
    "amqp_tls": "amqp/ssl",
    "mqtt_tls": "mqtt/ssl",
    "mqtt_websocket": "http/web-mqtt",
    "mqtt_websocket_tls": "https/web-mqtt",
    "stomp_tls": "stomp/ssl",
    "stomp_activemq_tls": "stomp/ssl",
    "stomp_websocket": "http/web-stomp",
    "stomp_websocket_tls": "https/web-stomp",
    "rocketmq_tls": "rocketmq/ssl",
    "rocketmq_nameserver": "rocketmq/nameserver",
    "rocketmq_nameserver_tls": "rocketmq/nameserver/ssl",
    "rocketmq_grpc": "rocketmq/grpc",
    "rocketmq_grpc_tls": "rocketmq/grpc/ssl",
    "management": "http",
    "management_tls": "https",
}


class Place(Protocol):
    """The settings of a protocol say where it is spoken."""

    @property
    def host(self) -> str:
        """Return the address."""
        ...

    @property
    def port(self) -> int:
        """Return the port for clear text."""
        ...

    @property
    def tls_port(self) -> int:
        """Return the port for TLS."""
        ...


class WebPlace(Protocol):
    """The settings of a protocol say where it is spoken over WebSocket."""

    @property
    def host(self) -> str:
        """Return the address."""
        ...

    @property
    def websocket_port(self) -> int:
        """Return the port for clear text."""
        ...

    @property
    def websocket_tls_port(self) -> int:
        """Return the port for TLS."""
        ...


class Listening:
    """All that listens."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits
        self._settings = settings
        self.room = Room(limits.connections_max, limits.connections_per_address_max)
        self.ports: dict[str, int] = {}  # by the names of doors: "amqp", "amqp_tls"
        self._listeners: dict[str, Listener] = {}
        self._hosts: dict[str, str] = {}  # as they were asked for
        self._detected: dict[str, ssl.SSLContext] = {}  # for those who want TLS at other doors

    def open_both(
        self,
        rounds: Rounds,
        name: str,
        make_session: MakeSession,
        place: Place,
        settings: Settings,
    ) -> None:
        """Speak a protocol where its settings want it, in clear text and by TLS."""
        self.open(rounds, name, make_session, place.host, place.port, settings)
        self.open(rounds, name + TLS, make_session, place.host, place.tls_port, settings)

    def open_web(
        self,
        rounds: Rounds,
        name: str,
        inside: Inside,
        place: WebPlace,
        settings: Settings,
    ) -> None:
        """Speak a protocol over WebSocket where its settings want it, in clear text and by TLS."""
        speak, name = partial(WebSocketSession, inside), name + WEBSOCKET
        self.open(rounds, name, speak, place.host, place.websocket_port, settings)
        self.open(rounds, name + TLS, speak, place.host, place.websocket_tls_port, settings)

    def open(
        self,
        rounds: Rounds,
        name: str,
        make_session: MakeSession,
        host: str,
        port: int,
        settings: Settings,
    ) -> None:
        """Speak a protocol there, unless its port is off."""
        if port == OFF:
            return
        listener = Listener(
            rounds,
            self.room,
            make_session,
            host=host,
            port=port,
            tls=_tls_of(name, settings) if name.endswith(TLS) else None,
            detected_tls=self._detected_tls(name, settings),
            patience=patience(settings),
        )
        self._listeners[name] = listener
        self._hosts[name] = host
        self.ports[name] = listener.port

    def renew_tls(self, settings: Settings) -> None:
        """Read the certificates anew; raise OSError or ValueError when they are no good."""
        renewed = {name: _tls_of(name, settings) for name in self.ports if name.endswith(TLS)}
        for name, context in renewed.items():
            self._listeners[name].tls = context
        self._settings = settings
        self._detected.clear()

    def resize(self, settings: Settings) -> None:
        """Let so many in from now on."""
        self.room.connections_max = settings.limits.connections_max
        self.room.per_address_max = settings.limits.connections_per_address_max

    def connections(self) -> dict[str, int]:
        """Return how many there are by each door."""
        return {name: len(each.connections) for name, each in self._listeners.items()}

    def traffic(self) -> Traffic:
        """Return what went over all connections so far, those that are gone among them."""
        here = [one.peer.traffic for one in self._all()]
        gone = self.room.traffic
        return Traffic(
            gone.received + sum(one.received for one in here),
            gone.sent + sum(one.sent for one in here),
        )

    def doors(self) -> list[Door]:
        """Return all of them, as tools list them."""
        return [
            Door(CALLED.get(name, name), self._hosts[name], port, name.endswith(TLS))
            for name, port in self.ports.items()
        ]

    @property
    def owes(self) -> bool:
        """Is there an answer under way to somebody?"""
        return any(each.owes for each in self._listeners.values())

    def tick(self, now: float) -> None:
        """Let every session notice silence."""
        for each in self._listeners.values():
            each.tick(now)

    def stop_accepting(self) -> None:
        """Let nobody in any more."""
        for each in self._listeners.values():
            each.stop_accepting()

    def close(self) -> None:
        """Hang up on everybody."""
        for each in self._listeners.values():
            each.close()

    def _detected_tls(self, name: str, settings: Settings) -> MakeTls | None:
        """Return what makes a certificate ready when the first client wants TLS at this door."""
        if name not in DETECTED or not settings.rocketmq.tls_detected:
            return None

        def context() -> ssl.SSLContext:
            if name not in self._detected:
                self._detected[name] = _tls_of(name, self._settings)
            return self._detected[name]

        return context

    def _all(self) -> Iterator[Connection]:
        for each in self._listeners.values():
            yield from each.connections


def _tls_of(name: str, settings: Settings) -> ssl.SSLContext:
    if name in DETECTED and not settings.tls.certificate:
        context = make_unvouched_tls()
    else:
        context = make_tls(settings, browsers=name == BROWSERS + TLS)
    if name in (GRPC, GRPC + TLS):
        context.set_alpn_protocols(["h2"])  # its clients leave where nobody says that
    return context
