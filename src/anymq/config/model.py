"""The settings: each is declared once; file key, variable, flag and docs follow from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from anymq.config.declare import Declared, declared_in, setting
from anymq.config.mqtt import Mqtt
from anymq.config.place import OFF, PORT_MAX
from anymq.config.rocketmq import RocketMq
from anymq.config.stomp import Stomp
from anymq.config.transactions import Transactions
from anymq.config.units import DAY_MS, HOUR_MS, KIB, MIB, MINUTE_MS, SECOND_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The process as a whole."""

    data_dir: str = setting(
        "", "Where everything is kept. Empty: $XDG_DATA_HOME/anymq, or ~/.local/share/anymq."
    )
    node_id: int = setting(1, "The number of this node, as clients see it.", at_least=0)
    stop_timeout_ms: int = setting(
        10 * SECOND_MS, "How long a stop may take to finish what was begun.", at_least=0
    )
    load_definitions: str = setting(
        "", "A file of definitions, ours or RabbitMQ's, or a directory of such: imported at start."
    )
    awake_us: int = setting(
        200,
        "How many microseconds it looks for the next requests when it has answered, before it "
        "sleeps: it takes longer to be woken. Where clients seldom ask again so soon, it seldom "
        "looks. 0: never.",
        at_least=0,
        at_most=10_000,
    )
    allow_open: bool = setting(
        False, "Listen beyond this machine even where there is no password or no TLS."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """Where Kafka clients connect."""

    host: str = setting("127.0.0.1", "The address to listen at; 0.0.0.0 is every IPv4 address.")
    port: int = setting(
        9092, "The port without TLS; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    tls_port: int = setting(
        OFF, "The port with TLS; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    advertised_host: str = setting(
        "", "The address clients are told to connect to. Empty: the one they connected to."
    )
    advertised_port: int = setting(
        0, "The port clients are told; 0: the one they connected to.", at_least=0, at_most=PORT_MAX
    )
    require_login: bool = setting(
        False, "Answer nobody who has not proved by SASL to be one of [users]."
    )
    sasl_mechanisms: tuple[str, ...] = setting(
        ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"), "The ways to log in that are offered."
    )
    certificate_user: Literal[
        "none", "common_name", "distinguished_name", "subject_alternative_name"
    ] = setting(
        "none",
        "Who shows a certificate (see tls.client_ca) is the user that this part of it names, and"
        " need not log in.",
    )
    principal_mapping: tuple[str, ...] = setting(
        (),
        "Of what the distinguished name is made a user's name, as ssl.principal.mapping.rules says"
        " it: RULE:pattern/name/, with L or U behind it for small or large letters, or DEFAULT."
        " The first that matches; then kafka.certificate_user says nothing but that there is one.",
    )
    rack: str = setting("", "The rack, or zone, that clients are told this node is in.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amqp:
    """Where AMQP 0-9-1 clients connect: those of RabbitMQ."""

    host: str = setting("127.0.0.1", "The address to listen at; 0.0.0.0 is every IPv4 address.")
    port: int = setting(
        5672, "The port without TLS; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    tls_port: int = setting(
        OFF,
        "The port with TLS (5671 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    guest: bool = setting(
        True,
        "Where [users] names nobody: let in `guest` with the password `guest`, as RabbitMQ does.",
        live=True,
    )
    default_user: str = setting(
        "",
        "Somebody to let in, as administrator, until he is changed or deleted by a tool; then there"
        " is no guest. RABBITMQ_DEFAULT_USER says it, too.",
    )
    default_password: str = setting(
        "", "The password of default_user. RABBITMQ_DEFAULT_PASS says it, too.", secret=True
    )
    default_vhost: str = setting(
        "/", "A virtual host that is made if it is not there. RABBITMQ_DEFAULT_VHOST says it, too."
    )
    loopback_users: tuple[str, ...] = setting(
        ("guest",), "Users who may only come from this machine itself.", live=True
    )
    mechanisms: tuple[str, ...] = setting(
        ("PLAIN", "AMQPLAIN"),
        "The ways to log in that are offered: PLAIN, AMQPLAIN, EXTERNAL (by the certificate shown"
        " to a TLS port, see tls.client_ca), ANONYMOUS.",
        live=True,
    )
    anonymous_user: str = setting(
        "", "Who somebody is who logs in by ANONYMOUS. Empty: it is not offered.", live=True
    )
    certificate_name: Literal["common_name", "distinguished_name", "subject_alternative_name"] = (
        setting("common_name", "Where in a certificate EXTERNAL finds the user.", live=True)
    )
    frame_bytes_max: int = setting(
        128 * KIB, "The biggest frame that clients are offered.", at_least=8 * KIB, live=True
    )
    channels_max: int = setting(
        2047,
        "How many channels a connection may have; 0: 65,535.",
        at_least=0,
        at_most=65_535,
        live=True,
    )
    heartbeat_s: int = setting(
        60,
        "The heartbeat that clients are offered, in seconds; 0: none.",
        at_least=0,
        at_most=65_535,
        live=True,
    )
    message_bytes_max: int = setting(16 * MIB, "The biggest message.", at_least=1, live=True)
    compat_product: bool = setting(
        False, "Say to clients that we are RabbitMQ: some look for the name.", live=True
    )
    redeclare: Literal["strict", "keep", "change"] = setting(
        "strict",
        "What becomes of a queue that is declared again with other arguments. strict: the client"
        " gets an error, as from RabbitMQ. keep: the queue stays as it is. change: it changes.",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """Where metrics and health are read, over HTTP."""

    host: str = setting("127.0.0.1", "The address to listen at.")
    port: int = setting(
        15672, "The port; 0 takes a free one, -1 none.", at_least=OFF, at_most=PORT_MAX
    )
    metrics_login: bool = setting(
        False,
        "Show /metrics only to users who may look at everything (tag monitoring): they have names"
        " of queues, topics, groups and users in them.",
        live=True,
    )
    host_names: tuple[str, ...] = setting(
        (),
        "The names by which we are called, as browsers say them; others are refused. Addresses and"
        " localhost always work. None: any name, but from this machine itself.",
        live=True,
    )
    session_idle_ms: int = setting(
        HOUR_MS, "End a browser's session that asked for nothing so long.", at_least=1, live=True
    )
    session_ms_max: int = setting(
        12 * HOUR_MS, "How long a browser's session lasts at most.", at_least=1, live=True
    )
    tls_port: int = setting(
        OFF,
        "The port with TLS (15671 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    sessions_max: int = setting(
        1000,
        "How many sessions of browsers there may be; one more ends that unused the longest.",
        at_least=1,
        live=True,
    )
    history_objects_max: int = setting(
        1000,
        "Of how many queues, topics and groups a history of numbers is kept: up to 25 KB each.",
        at_least=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The certificate of every port with TLS."""

    certificate: str = setting("", "The file with the certificate chain (PEM).", live=True)
    key: str = setting(
        "", "The file with the private key (PEM). Empty: in the certificate's file.", live=True
    )
    client_ca: str = setting(
        "", "Ask clients for a certificate signed by one in this file (PEM).", live=True
    )
    client_certificate: Literal["required", "wanted"] = setting(
        "required",
        "Where clients are asked for one: required, or wanted, so that those without have to log"
        " in in another way. Browsers are never required to have one.",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who gets in."""

    login_failures_max: int = setting(
        10,
        "How many wrong passwords may be tried for a name from one address at once; five times as"
        " many from an address, ten times for a name. Then it has to wait. -1: without limit.",
        at_least=OFF,
        live=True,
    )
    login_failure_ms: int = setting(
        10 * SECOND_MS,
        "When one of them is forgotten, and there may be another.",
        at_least=1,
        live=True,
    )
    audit_file_bytes: int = setting(
        10 * MIB,
        "Begin another file of the audit log (audit.log in the data directory) at this size.",
        at_least=KIB,
        live=True,
    )
    audit_files: int = setting(
        10, "How many of them are kept; 0: none is written.", at_least=0, live=True
    )
    passwords_kept_as: tuple[str, ...] = setting(
        ("argon2id", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        "As what the passwords of stored users are kept. Without a SCRAM mechanism its clients"
        " cannot log in by it. rabbitmq: RabbitMQ's hash, quick to guess, for definitions that are"
        " to be imported there.",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Oauth:
    """Tokens of an identity provider instead of passwords; needs anymq[oauth]."""

    keys: str = setting(
        "", "A file, or a URL (https), with the provider's keys (JWKS). Empty: no tokens are taken."
    )
    issuer: str = setting("", "Who has to have issued a token (iss).")
    audience: str = setting("", "For whom it has to be (aud).")
    algorithms: tuple[str, ...] = setting(
        (
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "ES512",
            "Ed25519",
        ),
        "How it may be signed.",
    )
    name_claims: tuple[str, ...] = setting(
        ("preferred_username", "sub", "client_id"), "The first of these that is there is the user."
    )
    scope_claim: str = setting("scope", "Where it says what the user may do.")
    scope_prefix: str = setting(
        "", "With what scopes that are meant for us begin, as in 'rabbitmq.read:*/*'."
    )
    client_id: str = setting("", "As what the page asks the provider (authorization code, PKCE).")
    page_scopes: tuple[str, ...] = setting((), "The scopes it asks for, besides openid.")
    authorization_url: str = setting("", "Where the page sends its users to log in.")
    token_url: str = setting("", "Where it gets the token for the code.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How what is kept gets on the disk."""

    durability: Literal["commit", "interval", "os"] = setting(
        "commit",
        "What acknowledged means. commit: on disk, survives a power cut. interval: synced every"
        " sync_interval_ms. os: when the operating system likes, as Kafka does it.",
    )
    sync_interval_ms: int = setting(
        200, "How much a power cut may take where durability is interval.", at_least=1
    )
    segment_bytes: int = setting(
        64 * MIB, "Start a new file at this size. A topic may say otherwise.", at_least=KIB
    )
    segment_ms: int = setting(
        7 * DAY_MS, "Start a new file at this age. A topic may say otherwise.", at_least=1
    )
    disk_free_bytes_min: int = setting(
        256 * MIB,
        "Refuse to take messages while less than this is free on the disk.",
        at_least=0,
        live=True,
    )
    open_files_max: int = setting(
        0,
        "How many log files to keep open; the rest are opened when needed. 0: three quarters of"
        " what the system lets this process open (LimitNOFILE, ulimit -n), at least 512; half of"
        " them are closed when a client finds none left.",
        at_least=0,
    )
    retention_check_ms: int = setting(
        5 * MINUTE_MS,
        "How often each log is looked at for what is too old or too much"
        " (log.retention.check.interval.ms).",
        at_least=1,
    )
    maintenance_interval_ms: int = setting(
        SECOND_MS,
        "How often to look after the logs: new segments, compaction, free space, checkpoints.",
        at_least=10,
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """What a topic is when nobody says otherwise."""

    auto_create: bool = setting(True, "Make a topic when a client first names it.", live=True)
    partitions: int = setting(
        1,
        "How many partitions such a topic gets (num.partitions).",
        at_least=1,
        at_most=10_000,
        live=True,
    )
    retention_ms: int = setting(
        7 * DAY_MS, "How long messages are kept; -1: for ever.", at_least=-1
    )
    retention_bytes: int = setting(
        -1, "How much each partition keeps; -1: without limit.", at_least=-1
    )
    message_bytes_max: int = setting(
        MIB + 12, "The biggest batch taken (max.message.bytes).", at_least=0
    )
    lenient_replication: bool = setting(
        False, "Take a replication factor above the number of nodes, for tests that ask for 3."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Groups of consumers."""

    initial_rebalance_delay_ms: int = setting(
        0, "How long a new group waits for more members before it starts.", at_least=0, live=True
    )
    session_ms_min: int = setting(
        6 * SECOND_MS, "The shortest session time-out a member may ask for.", at_least=1, live=True
    )
    session_ms_max: int = setting(
        30 * MINUTE_MS, "The longest session time-out a member may ask for.", at_least=1, live=True
    )
    members_max: int = setting(10_000, "How many members a group may have.", at_least=1, live=True)
    offsets_retention_ms: int = setting(
        7 * DAY_MS,
        "How long the offsets of a group that has no members are kept.",
        at_least=1,
        live=True,
    )
    offset_metadata_bytes_max: int = setting(
        4 * KIB, "How much a consumer may note beside an offset.", at_least=0, live=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What anybody may cost."""

    connections_max: int = setting(
        10_000, "How many connections there may be; more are closed at once.", at_least=1, live=True
    )
    login_timeout_ms: int = setting(
        30 * SECOND_MS, "How long a client may take for TLS and to log in.", at_least=1
    )
    connections_per_address_max: int = setting(
        OFF, "How many connections one address may have; -1: without limit.", at_least=-1, live=True
    )
    idle_timeout_ms: int = setting(
        10 * MINUTE_MS,
        "Close a connection that has said nothing, or taken none of its answers, for so long.",
        at_least=1,
    )
    frame_timeout_ms: int = setting(
        MINUTE_MS, "How long a request may take from its first to its last byte.", at_least=1
    )
    memory_bytes_max: int = setting(
        512 * MIB,
        "How much the requests and answers under way may take together; then peers have to wait.",
        at_least=MIB,
        live=True,
    )
    memory_alarm_bytes: int = setting(
        0,
        "Let publishers wait while the process takes more memory than this; 0: 60 % of the"
        " machine's.",
        at_least=0,
        live=True,
    )
    owed_deliveries_bytes_max: int = setting(
        MIB,
        "Give a connection no more messages while it is owed so much.",
        at_least=KIB,
        live=True,
    )
    frame_bytes_max: int = setting(100 * MIB, "The biggest request.", at_least=KIB)
    frame_bytes_max_without_records: int = setting(
        2 * MIB,
        "The biggest request of those that bring no records: a byte of them may become 30 and more"
        " in memory.",
        at_least=KIB,
    )
    frame_bytes_max_before_login: int = setting(
        64 * KIB, "The biggest request of one who has yet to log in.", at_least=KIB
    )
    requests_in_flight_max: int = setting(
        1000, "Stop reading from a connection with so many unanswered requests.", at_least=1
    )
    requests_in_flight_bytes_max: int = setting(
        64 * MIB,
        "Stop reading from a connection with so much in unanswered requests.",
        at_least=KIB,
    )
    shovels_max: int = setting(100, "How many shovels there may be.", at_least=0, live=True)
    shovel_bytes_max: int = setting(
        16 * MIB,
        "A shovel takes no more from its source while so much is under way.",
        at_least=KIB,
        live=True,
    )
    unwritten_bytes_max: int = setting(
        64 * MIB,
        "Let those who publish wait while so much of what all sent waits for the disk.",
        at_least=MIB,
    )
    unsent_bytes_max: int = setting(
        64 * MIB, "Stop reading from a connection that is owed more than this.", at_least=KIB
    )
    fetch_bytes_max: int = setting(
        55 * MIB, "The most one fetch gets, whatever it asks for.", at_least=KIB, live=True
    )
    fetch_sessions_max: int = setting(
        1000, "How many fetch sessions are remembered; more work without.", at_least=0
    )
    fetch_session_partitions_max: int = setting(
        200_000, "How many partitions all of them together may have.", at_least=0
    )
    topics_max: int = setting(100_000, "How many topics there may be.", at_least=1)
    queues_max: int = setting(
        100_000,
        "How many queues and streams a virtual host may have; each takes about 10 KB.",
        at_least=1,
        live=True,
    )
    exchanges_max: int = setting(
        100_000, "How many exchanges a virtual host may have.", at_least=8, live=True
    )
    bindings_max: int = setting(
        1_000_000, "How many bindings a virtual host may have.", at_least=0, live=True
    )
    partitions_max: int = setting(
        200_000, "How many partitions all topics together may have.", at_least=1
    )
    topic_partitions_max: int = setting(
        10_000, "How many partitions one topic may have.", at_least=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the broker says about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The least important lines to write.", live=True
    )
    format: Literal["auto", "human", "json"] = setting(
        "auto", "auto: human on a terminal, otherwise JSON."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """What becomes of messages, told to others."""

    opentelemetry: bool = setting(
        False,
        "Tell of the publishing and delivering of messages that have a sampled traceparent in"
        " their headers, as spans of OpenTelemetry; needs anymq[otel]. Where to, its own variables"
        " say, OTEL_EXPORTER_OTLP_ENDPOINT first.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """Code of other packages that takes part: by the names of their entry points."""

    interceptors: tuple[str, ...] = setting(
        (), "Those that see each message before it is routed, in this order."
    )
    authenticators: tuple[str, ...] = setting(
        (), "Those that know more users than are named or stored here, in this order."
    )
    protocols: tuple[str, ...] = setting(
        (), "Protocols, and where each listens: NAME=HOST:PORT; port 0 takes a free one."
    )


Users = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. `Settings()` is what you get without a file."""

    server: Server = Server()
    kafka: Kafka = Kafka()
    amqp: Amqp = Amqp()
    mqtt: Mqtt = field(default_factory=Mqtt)
    stomp: Stomp = field(default_factory=Stomp)
    rocketmq: RocketMq = field(default_factory=RocketMq)
    transactions: Transactions = field(default_factory=Transactions)
    management: Management = Management()
    tls: Tls = Tls()
    security: Security = Security()
    oauth: Oauth = Oauth()
    storage: Storage = Storage()
    topics: Topics = Topics()
    groups: Groups = Groups()
    limits: Limits = Limits()
    log: Log = Log()
    tracing: Tracing = Tracing()
    plugins: Plugins = Plugins()
    # Name -> a password, or SCRAM verifiers. Not in repr: secrets never get into logs.
    users: Users = field(default_factory=lambda: MappingProxyType({}), repr=False)


SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "server": Server,
        "kafka": Kafka,
        "amqp": Amqp,
        "mqtt": Mqtt,
        "stomp": Stomp,
        "rocketmq": RocketMq,
        "transactions": Transactions,
        "management": Management,
        "tls": Tls,
        "security": Security,
        "oauth": Oauth,
        "storage": Storage,
        "topics": Topics,
        "groups": Groups,
        "limits": Limits,
        "log": Log,
        "tracing": Tracing,
        "plugins": Plugins,
    }
)


def declared() -> Iterator[Declared]:
    """Yield every setting, section by section."""
    for section, cls in SECTIONS.items():
        yield from declared_in(section, cls)
