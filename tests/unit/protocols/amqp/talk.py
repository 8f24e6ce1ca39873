"""A connection without a broker below it: channels that note what they are told.

client = Room().dialog()
client.log_in()
client.open(1)
client >> (1, methods.BasicGet("q", no_ack=True))
assert client.room.told == [...]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from anymq.core.catalog import Catalog, Then
from anymq.core.flow import Flow
from anymq.core.policies.parameters import Parameters
from anymq.core.policies.policies import Policies
from anymq.core.policies.presence import Presence
from anymq.core.policies.user_limits import UserLimits
from anymq.core.queues import turn
from anymq.core.rights.accounts import Accounts
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.methods import Method, encode
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.amqp.wire import Wire
from anymq.protocols.memory import Memory
from anymq.protocols.session import Peer
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.backlog import Backlog
from anymq.testing.amqp import PEER, AmqpDialog


class Turn(turn.Turn):
    runs = 0

    @override
    def run(self) -> None:
        self.runs += 1
        super().run()


class Clock:
    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall_ms(self) -> int:
        return int(self.seconds * 1000)


class Vhost:
    name = "/"

    def __init__(self) -> None:
        self.gone: list[object] = []

    def owner_gone(self, owner: object) -> None:
        self.gone.append(owner)


class NothingKept:
    """Where definitions go that no test asks for again."""

    def load(self) -> Mapping[str, bytes]:
        return {}

    def value(self, key: str) -> bytes | None:
        return None

    def put(self, changes: Mapping[str, bytes | None], then: Then) -> None:
        then(None)


class BrokerInTheAir:
    """As much of a broker as a connection itself needs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.flow = Flow()
        self.backlog = Backlog()
        self.turn = Turn()
        self.vhosts = {"/": Vhost()}
        catalog = Catalog(NothingKept())
        self.changes = catalog.changes
        self.users = Accounts(catalog, self.vhosts)
        self.presence = Presence(Policies(Parameters(catalog)), UserLimits(catalog))


Told = tuple[int, str, Any]


class Noting:
    """A channel that notes what it is told; `does` says what it does about it."""

    def __init__(self, room: "Room", wire: Wire, number: int) -> None:
        self.room = room
        self.wire = wire
        self.number = number
        self.then: Callable[[], None] | None = None

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        self._note("publish", (method, properties, body))

    def on_ack(self, tag: int, multiple: bool) -> None:
        self._note("ack", (tag, multiple))

    def on_method(self, method: Method) -> None:
        self._note("method", method)

    def on_content(self, method: Method) -> None:
        self._note("content", method)

    def end_of_read(self) -> None:
        self._note("end_of_read", None)

    def on_room(self) -> None:
        self._note("on_room", None)

    def on_rights(self) -> None:
        self._note("on_rights", None)

    def close(self, then: Callable[[], None]) -> None:
        self._note("close", None)
        if self.room.disk_waits:
            self.then = then
        else:
            then()

    def _note(self, what: str, detail: Any) -> None:
        self.room.told.append((self.number, what, detail))
        if (does := self.room.does.get(what)) is not None:
            does(self)


@dataclass
class Room:
    """What connections share."""

    settings: AmqpSettings = field(default_factory=AmqpSettings)
    users: Users = field(default_factory=lambda: Users({"guest": ("guest",), "ada": ("secret",)}))
    told: list[Told] = field(default_factory=list)
    does: dict[str, Callable[[Noting], None]] = field(default_factory=dict)
    disk_waits: bool = False
    memory_bytes_max: int = 1 << 30

    def __post_init__(self) -> None:
        self.broker = BrokerInTheAir()
        self.broker.users.give(list(self.users))
        self.channels: dict[int, Noting] = {}
        self.amqp = Amqp(
            broker=self.broker,  # type: ignore[arg-type]
            settings=self.settings,
            users=self.users,
            counters=Counters(),
            memory=Memory(self.memory_bytes_max),
            make_channel=self._make,
            gate=Gate(Attempts(self.broker.clock.monotonic)),
        )

    def _make(self, wire: Wire, number: int) -> Noting:
        self.channels[number] = Noting(self, wire, number)
        return self.channels[number]

    def dialog(self, peer: Peer = PEER) -> AmqpDialog:
        return AmqpDialog(self, peer)

    def pass_time(self, seconds: float, *dialogs: AmqpDialog) -> None:
        """Second by second, as the server ticks."""
        for _ in range(int(seconds)):
            self.broker.clock.seconds += 1
            for dialog in dialogs:
                if not dialog.session.closed:
                    dialog.session.tick(self.broker.clock.seconds)

    def publishes(self) -> list[tuple[bytes, bytes, bytes]]:
        return [detail for _, what, detail in self.told if what == "publish"]

    def without_ends(self) -> list[Told]:
        """What was told, whatever the reads were."""
        return [told for told in self.told if told[1] != "end_of_read"]


def publish_payload(exchange: str = "", routing_key: str = "q") -> bytes:
    return encode(methods.BasicPublish(exchange, routing_key, False, False))
