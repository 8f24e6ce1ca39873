"""Scripted conversations with the HTTP API: no socket, a clock and a disk that move when told.

room = HttpRoom()
assert room.put("/api/queues/%2F/q", {"durable": True}).status == 201
assert room.get("/api/queues/%2F/q").json["durable"]
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPMessage, parse_headers
from io import BytesIO
from typing import Any

from anymq.config.model import Settings
from anymq.management.api.api import ManagementApi
from anymq.management.api.event_hub import EventHub
from anymq.management.api.guard import Guard
from anymq.management.api.rates import Rates
from anymq.management.api.sampler import Sampler, Seen
from anymq.management.api.sessions import Sessions
from anymq.management.api.site import Door, Machine, Site
from anymq.management.auditing import listen
from anymq.management.history import History
from anymq.management.session import HttpSession
from anymq.observability.audit import Audit
from anymq.protocols.session import Outbox, Peer, Talker, Traffic
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.shovels.ends import Link, MakeSession
from anymq.shovels.shovels import Limits, Shovels
from anymq.shovels.uris import Address
from anymq.testing.amqp import AmqpRoom
from anymq.testing.kafka import kafka_of

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 15672)
GUEST = "guest:guest"
MACHINE = Machine(1, 2, 3, 4, 5, 6, 7, "/data")


class _Nowhere:
    """What has no connection to close."""

    def close(self) -> None:
        """There is none."""


def _no_connection(address: Address, make: MakeSession, failed: Callable[[str], None]) -> Link:
    """Shovels find nobody here."""
    return _Nowhere()


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """What its body says."""
        return json.loads(self.body)


class HttpRoom(AmqpRoom):
    """A broker with its API."""

    def __init__(self, *, users: Users | None = None, gate: Gate | None = None) -> None:
        super().__init__(users=users, gate=gate)
        amqp = self.amqp
        self.settings = Settings()
        self.guard = Guard(
            self.broker.users,
            lambda: amqp.users,
            lambda: amqp.settings.loopback_users,
            Sessions(self.clock.monotonic),
            self.amqp.gate,
            listen(self.broker, Audit(self.clock.wall_ms)),
        )
        self.kafka = kafka_of(self.broker, users=amqp.users, gate=amqp.gate)
        self.traffic = Traffic()
        self.talkers: list[Talker] = []
        self.soon: list[Callable[[], None]] = []
        seen = Seen(
            broker=self.broker,
            amqp=amqp,
            machine=lambda: MACHINE,
            traffic=lambda: self.traffic,
            sockets=lambda: 0,
            soon=self.soon.append,
        )
        self.sampler = Sampler(seen, History(100))
        self.site = Site(
            broker=self.broker,
            amqp=amqp,
            kafka=self.kafka,
            rates=Rates(self.clock),
            guard=self.guard,
            sampler=self.sampler,
            events=EventHub(self.broker, amqp, self.kafka, self.sampler, lambda: self.talkers),
            shovels=Shovels(
                self.broker,
                connect=_no_connection,
                soon=self.soon.append,
                limits=lambda: Limits(2, 1 << 20, 1 << 24),
                cluster_name=lambda: "test",
            ),
            talkers=lambda: self.talkers,
            doors=lambda: [Door("amqp", "127.0.0.1", 5672), Door("http", "127.0.0.1", 15672)],
            machine=lambda: MACHINE,
            connections=lambda: {"amqp": 0},
            started_ms=0,
            settings=lambda: self.settings,
            use=self.use,
            transactions=self.transactions,
        )
        self.api = ManagementApi(self.site)

    def use(self, settings: Settings) -> None:
        """Have these settings hold."""
        self.settings = settings

    def look(self) -> None:
        """Let the sampler look at everything, as it does every few seconds."""
        self.sampler.start()
        while self.soon:
            self.soon.pop()()

    def browser(self, peer: Peer = PEER) -> "HttpDialog":
        """Return a new connection."""
        return HttpDialog(self, peer)

    def get(self, path: str, **headers: str) -> Said:
        """Ask."""
        return self.browser().ask("GET", path, **headers)

    def put(self, path: str, body: object = None) -> Said:
        """Have something be."""
        return self.browser().ask("PUT", path, body)

    def post(self, path: str, body: object = None) -> Said:
        """Have something done."""
        return self.browser().ask("POST", path, body)

    def delete(self, path: str) -> Said:
        """Have something be no more."""
        return self.browser().ask("DELETE", path)


class HttpDialog:
    """One connection."""

    def __init__(self, room: HttpRoom, peer: Peer = PEER) -> None:
        self.room = room
        self.outbox = Outbox(lambda: None)
        self.session = HttpSession({}, self.outbox, peer, api=room.api)
        self.turns = 0

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        """Ask, and return the answer."""
        self.say(method, path, body, **headers)
        said = self.heard(method)
        assert said is not None
        return said

    def say(self, method: str, path: str, body: object = None, **headers: str) -> None:
        """Ask. `Authorization=""`: as nobody."""
        data = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        given = {"Host": "localhost", "Authorization": basic(GUEST), **headers}
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items() if value]
        head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(data)}\r\n\r\n"
        self.session.receive(memoryview(head.encode() + data))

    def heard(self, method: str = "GET") -> Said | None:
        """Do what there is to do; return an answer, if one came."""
        self._go_on()
        if not self.room.disk_waits:
            self.room.write_to_disk()
            self._go_on()
        output = b"".join(bytes(each) for each in self.outbox.take())  # type: ignore[arg-type]
        self.outbox.sent(len(output))
        if not output:
            return None
        status, _, rest = output.partition(b"\r\n")
        stream = BytesIO(rest)
        headers = parse_headers(stream)
        return Said(int(status.split()[1]), headers, stream.read())

    def _go_on(self) -> None:
        while self.session.more:
            self.turns += 1
            self.session.go_on()


def basic(credentials: str) -> str:
    """Return the header that says name and password."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def _json(body: object) -> bytes:
    return json.dumps(body).encode()
