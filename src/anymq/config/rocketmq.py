"""The settings of RocketMQ's protocol."""

from dataclasses import dataclass

from anymq.config.declare import setting
from anymq.config.place import OFF, PORT_MAX, Place
from anymq.config.units import DAY_MS, KIB, MIB, SECOND_MS, parse_ms

DELAY_LEVELS = (
    *("1s", "5s", "10s", "30s", "1m", "2m", "3m", "4m", "5m", "6m", "7m", "8m", "9m", "10m"),
    *("20m", "30m", "1h", "2h"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RocketMq:
    """Where RocketMQ's clients connect: a name server and a broker in one."""

    host: str = setting("127.0.0.1", "The address to listen at; 0.0.0.0 is every IPv4 address.")
    port: int = setting(
        10911,
        "The broker's port without TLS, which answers as a name server, too; 0 takes a free one, -1"
        " none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    tls_port: int = setting(
        OFF, "The same with TLS; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    nameserver_port: int = setting(
        9876,
        "The name server's port without TLS, where clients ask first; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    nameserver_tls_port: int = setting(
        OFF, "The same with TLS; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    grpc_port: int = setting(
        8081,
        "The port of RocketMQ's 5.x clients (gRPC), without TLS; needs the extra"
        " `anymq[rocketmq-grpc]`; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    grpc_tls_port: int = setting(
        OFF,
        "The same with TLS only; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    tls_detected: bool = setting(
        True,
        "Speak TLS at the ports without TLS, too, with whoever begins so, as RocketMQ does: of the"
        " 5.x clients, those in Java, Go, C++ and C# do unless told otherwise. Without"
        " `tls.certificate`, by a certificate that is made at the start and that nobody vouches"
        " for; those clients do not ask.",
    )
    advertised_host: str = setting(
        "",
        "The address clients are sent to. Empty: the one at which they asked.",
        live=True,
    )
    advertised_port: int = setting(
        0,
        "The port clients are sent to; 0: the broker's.",
        at_least=0,
        at_most=PORT_MAX,
        live=True,
    )
    grpc_advertised_port: int = setting(
        0,
        "The port that clients of gRPC are sent to, if there is an `advertised_host`; 0: the one at"
        " which they asked.",
        at_least=0,
        at_most=PORT_MAX,
        live=True,
    )
    broker_name: str = setting("anymq", "What clients call the broker, in routes and queues.")
    cluster_name: str = setting("DefaultCluster", "What clients call the cluster.")
    require_login: bool = setting(
        False,
        "Answer no request that is not signed by a user that has a secret here.",
        live=True,
    )
    auto_create: bool = setting(
        True, "Make a topic when somebody sends to it, as RocketMQ does.", live=True
    )
    queues: int = setting(
        8,
        "How many queues such a topic gets at most; producers ask for 4, mostly.",
        at_least=1,
        at_most=10_000,
        live=True,
    )
    message_bytes_max: int = setting(
        4 * MIB, "The biggest message.", at_least=KIB, at_most=512 * MIB, live=True
    )
    requests_max: int = setting(
        10_000,
        "How many requests of one connection may wait for the disk; then it is read no further.",
        at_least=1,
        live=True,
    )
    pulls_max: int = setting(
        20_000,
        "How many requests of one connection may wait for messages; more are answered at once.",
        at_least=0,
        live=True,
    )
    pull_messages_max: int = setting(
        1024, "The most messages in one answer.", at_least=1, live=True
    )
    pull_bytes_max: int = setting(
        1 * MIB, "How many bytes an answer has, about, at most.", at_least=KIB, live=True
    )
    suspend_ms_max: int = setting(
        30 * SECOND_MS,
        "How long a request may wait for messages, whatever the client asks for.",
        at_least=0,
        live=True,
    )
    delay_levels: tuple[str, ...] = setting(
        DELAY_LEVELS,
        "How long messages of the delay levels 1, 2, … wait; higher levels are the last one. The"
        " levels from 3 on are the pauses before a message is given to its consumers again.",
        live=True,
    )
    delay_max_ms: int = setting(
        3 * DAY_MS,
        "The longest delay that producers may ask for by other means than levels; more is refused.",
        at_least=0,
        live=True,
    )
    recall: bool = setting(
        True,
        "Let producers take messages back that are not due yet, who may write to the topic.",
        live=True,
    )
    query_bytes_max: int = setting(
        1024 * MIB,
        "How much of a topic a query by key or unique id looks through at most, the newest first.",
        at_least=MIB,
        live=True,
    )
    commit_interval_ms: int = setting(
        1 * SECOND_MS,
        "How often what consumers say with every pull, how far they are, goes to the disk. After a"
        " crash they get again what they had since.",
        at_least=0,
        live=True,
    )

    client_timeout_ms: int = setting(
        120 * SECOND_MS,
        "A client is in no group any more when it has sent no heartbeat for so long; they send one"
        " every 30 seconds.",
        at_least=SECOND_MS,
        live=True,
    )
    groups_max: int = setting(
        10_000,
        "How many groups may have consumers in them; as many may have producers.",
        at_least=1,
        live=True,
    )
    group_members_max: int = setting(
        1_000, "How many clients may be in one group.", at_least=1, live=True
    )
    queue_lock_ms: int = setting(
        60 * SECOND_MS,
        "How long a queue that a consumer has locked, to read it in order, stays locked unless it"
        " says so again. Consumers do every 20 seconds, and trust a lock for 30: shorter is"
        " dangerous.",
        at_least=SECOND_MS,
        live=True,
    )
    rooms: tuple[str, ...] = setting(
        (),
        "Which machine room a client is in, for strategies that share queues by rooms:"
        " `pattern=room`, where the pattern is of client ids, which begin with the client's"
        " address; the first that fits counts. `kafka.rack` is ours.",
        live=True,
    )
    pop_messages_max: int = setting(
        32, "The most messages of one POP.", at_least=1, at_most=1000, live=True
    )
    pop_invisible_ms_max: int = setting(
        3 * DAY_MS, "How long one consumer may have a popped message at most.", live=True
    )

    @property
    def delay_levels_ms(self) -> tuple[int, ...]:
        """How long messages of each level wait. ValueError when one is no time."""
        return tuple(map(parse_ms, self.delay_levels))

    @property
    def nameserver(self) -> Place:
        """Where clients ask for the way."""
        return Place(self.host, self.nameserver_port, self.nameserver_tls_port)

    @property
    def grpc(self) -> Place:
        """Where clients speak gRPC."""
        return Place(self.host, self.grpc_port, self.grpc_tls_port)
