"""The configuration, in the words of the parts that it is for."""

import secrets
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.config.load import ConfigError, data_dir_of
from anymq.config.model import Settings
from anymq.config.place import OFF
from anymq.config.principals import parse_rule
from anymq.config.units import MINUTE_MS
from anymq.core.broker import Broker, BrokerSettings
from anymq.core.steady import Steady
from anymq.core.streams.broker_config import BROKER_CONFIGS, BrokerConfig
from anymq.core.transactions import fates, halves
from anymq.core.transactions.fates import Fates
from anymq.core.transactions.halves import Halves
from anymq.core.transactions.settings import TransactionSettings
from anymq.core.transactions.transactions import Transactions
from anymq.core.vhosts.place_limits import PlaceLimits
from anymq.core.vhosts.vhost import Redeclare
from anymq.management import spans
from anymq.management.api.guard import Provider
from anymq.management.api.sessions import SessionLimits
from anymq.management.spans import Telemetry
from anymq.net.connection import Patience
from anymq.net.tls import make_context
from anymq.observability.audit import AuditLimits
from anymq.observability.log import Log
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.protocols.memory import Memory
from anymq.protocols.mqtt import kept
from anymq.protocols.mqtt.counters import Counters as MqttCounters
from anymq.protocols.mqtt.kept import Kept
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.rocketmq.api import registry as rocketmq_registry
from anymq.protocols.rocketmq.counters import Counters as RocketMqCounters
from anymq.protocols.rocketmq.grpc.grpc import Grpc
from anymq.protocols.rocketmq.rocketmq import RocketMq
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.stomp.counters import Counters as StompCounters
from anymq.protocols.stomp.settings import StompSettings
from anymq.protocols.stomp.stomp import Stomp
from anymq.security import self_signed
from anymq.security.attempts import AttemptLimits
from anymq.security.gate import Gate
from anymq.security.key_file import seal_in
from anymq.security.tokens import Tokens, TokenSettings
from anymq.security.users import Users
from anymq.shovels.shovels import Limits as ShovelLimits
from anymq.storage.store import LogStore

GUEST = {"guest": ("guest",)}

log = Log("anymq")


def node_name(settings: Settings) -> str:
    """Return our name among nodes, as RabbitMQ writes them."""
    return f"anymq@{settings.server.node_id}"


def broker_settings(settings: Settings) -> BrokerSettings:
    """Return what the core is told, by the names that Kafka gives these things."""
    storage, topics, groups = settings.storage, settings.topics, settings.groups
    limits = settings.limits
    configs = {
        "auto.create.topics.enable": topics.auto_create,
        "num.partitions": topics.partitions,
        "log.retention.ms": topics.retention_ms,
        "log.retention.bytes": topics.retention_bytes,
        "message.max.bytes": topics.message_bytes_max,
        "anymq.durability": storage.durability,
        "log.retention.check.interval.ms": storage.retention_check_ms,
        "log.segment.bytes": storage.segment_bytes,
        "log.roll.ms": storage.segment_ms,
        "group.initial.rebalance.delay.ms": groups.initial_rebalance_delay_ms,
        "group.min.session.timeout.ms": groups.session_ms_min,
        "group.max.session.timeout.ms": groups.session_ms_max,
        "group.max.size": groups.members_max,
        "offsets.retention.minutes": groups.offsets_retention_ms // MINUTE_MS,
        "offset.metadata.max.bytes": groups.offset_metadata_bytes_max,
        "node.id": settings.server.node_id,
        "broker.id": settings.server.node_id,
        "broker.rack": settings.kafka.rack,
        "log.dirs": data_dir_of(settings),
        "listeners": _listeners(settings, settings.kafka.host, 0),
        "advertised.listeners": _listeners(
            settings,
            settings.kafka.advertised_host or settings.kafka.host,
            settings.kafka.advertised_port,
        ),
        "sasl.enabled.mechanisms": ",".join(settings.kafka.sasl_mechanisms),
    }
    return BrokerSettings(
        node_id=settings.server.node_id,
        node_name=node_name(settings),
        topics_max=limits.topics_max,
        partitions_max=limits.partitions_max,
        partitions_per_topic_max=limits.topic_partitions_max,
        configs=_given({name: _text(value) for name, value in configs.items()}),
    )


def _given(configs: Mapping[str, str]) -> dict[str, str]:
    """Leave out what says the same as the default: tools show where each value comes from."""
    default = BrokerConfig()
    return {
        name: text
        for name, text in configs.items()
        if text != default.value(name)
        and (
            BROKER_CONFIGS[name].read_only
            or BrokerConfig({name: text}).topic_defaults.values != default.topic_defaults.values
        )
    }


def kafka_settings(settings: Settings) -> KafkaSettings:
    """Return what Kafka sessions are told."""
    kafka, limits = settings.kafka, settings.limits
    return KafkaSettings(
        advertised_host=kafka.advertised_host,
        advertised_port=kafka.advertised_port,
        rack=kafka.rack,
        sasl_mechanisms=(*kafka.sasl_mechanisms, *(["OAUTHBEARER"] if settings.oauth.keys else [])),
        login_required=kafka.require_login,
        loopback_users=settings.amqp.loopback_users,
        certificate_user=kafka.certificate_user,
        principal_rules=tuple(map(parse_rule, kafka.principal_mapping)),
        frame_bytes_max=limits.frame_bytes_max,
        frame_bytes_max_without_records=limits.frame_bytes_max_without_records,
        frame_bytes_max_unauthenticated=limits.frame_bytes_max_before_login,
        frame_seconds_max=limits.frame_timeout_ms / 1000,
        in_flight_bytes_max=limits.requests_in_flight_bytes_max,
        in_flight_calls_max=limits.requests_in_flight_max,
        unsent_bytes_max=limits.unsent_bytes_max,
        fetch_bytes_max=limits.fetch_bytes_max,
        idle_seconds_max=limits.idle_timeout_ms / 1000,
        handshake_seconds_max=limits.login_timeout_ms / 1000,
        lenient_replication=settings.topics.lenient_replication,
    )


def amqp_settings(settings: Settings) -> AmqpSettings:
    """Return what AMQP sessions are told."""
    amqp, limits = settings.amqp, settings.limits
    return AmqpSettings(
        node_name=node_name(settings),
        compat_product=amqp.compat_product,
        mechanisms=amqp.mechanisms,
        loopback_users=amqp.loopback_users,
        certificate_name=amqp.certificate_name,
        anonymous_user=amqp.anonymous_user,
        frame_bytes_max=amqp.frame_bytes_max,
        channels_max=amqp.channels_max,
        message_bytes_max=amqp.message_bytes_max,
        heartbeat_seconds=amqp.heartbeat_s,
        handshake_seconds_max=limits.login_timeout_ms / 1000,
        unsent_bytes_max=limits.unsent_bytes_max,
        delivery_bytes_max=limits.owed_deliveries_bytes_max,
    )


def mqtt_settings(settings: Settings) -> MqttSettings:
    """Return what MQTT sessions are told."""
    mqtt, limits = settings.mqtt, settings.limits
    return MqttSettings(
        vhost=mqtt.vhost,
        anonymous=mqtt.anonymous,
        auth_methods=mqtt.auth_methods,
        certificate_name=settings.amqp.certificate_name,
        loopback_users=settings.amqp.loopback_users,
        packet_bytes_max=mqtt.packet_bytes_max,
        handshake_seconds_max=limits.login_timeout_ms / 1000,
        keep_alive_s_max=mqtt.keep_alive_s_max,
        sys_interval_s=mqtt.sys_interval_s,
        session_expiry_s_max=-(-mqtt.session_expiry_ms_max // 1000),
        sessions_max=mqtt.sessions_max,
        subscriptions_max=mqtt.subscriptions_max,
        in_flight_max=mqtt.in_flight_max,
        topic_aliases_max=mqtt.topic_aliases_max,
        mailbox_messages_max=mqtt.mailbox_messages_max,
        mailbox_bytes_max=mqtt.mailbox_bytes_max,
        retained_max=mqtt.retained_messages_max,
        retained_bytes_max=mqtt.retained_bytes_max,
        unsent_bytes_max=limits.unsent_bytes_max,
        delivery_bytes_max=limits.owed_deliveries_bytes_max,
    )


def make_mqtt(
    settings: Settings, broker: Broker, store: LogStore, gate: Gate, memory: Memory
) -> Mqtt:
    """Return what MQTT sessions share, with what there was before the restart."""
    journal = store.open_log(kept.LOG_ID, kept.LOG_CONFIG)
    broker.lines.follow(journal)
    state = store.read_whole(journal, lambda: EmbeddedStore(journal, broker.clock))
    mqtt = Mqtt(
        broker=broker,
        settings=mqtt_settings(settings),
        users=amqp_users(settings, broker),
        gate=gate,
        counters=MqttCounters(),
        memory=memory,
        kept=Kept(state),
    )
    mqtt.begin()
    return mqtt


def stomp_settings(settings: Settings) -> StompSettings:
    """Return what STOMP sessions are told."""
    stomp, limits = settings.stomp, settings.limits
    return StompSettings(
        vhost=stomp.vhost,
        host_names=stomp.host_names,
        anonymous=stomp.anonymous,
        loopback_users=settings.amqp.loopback_users,
        certificate_name=settings.amqp.certificate_name,
        head_bytes_max=stomp.head_bytes_max,
        headers_max=stomp.headers_max,
        body_bytes_max=stomp.body_bytes_max,
        handshake_seconds_max=limits.login_timeout_ms / 1000,
        subscriptions_max=stomp.subscriptions_max,
        receipts_max=stomp.receipts_max,
        transactions_max=stomp.transactions_max,
        transaction_bytes_max=stomp.transaction_bytes_max,
        prefetch=stomp.prefetch,
        unsent_bytes_max=limits.unsent_bytes_max,
        delivery_bytes_max=limits.owed_deliveries_bytes_max,
    )


def make_stomp(settings: Settings, broker: Broker, gate: Gate, memory: Memory) -> Stomp:
    """Return what STOMP sessions share."""
    return Stomp(
        broker=broker,
        settings=stomp_settings(settings),
        users=amqp_users(settings, broker),
        gate=gate,
        counters=StompCounters(),
        memory=memory,
    )


def rocketmq_settings(settings: Settings) -> RocketMqSettings:
    """Return what RocketMQ's sessions are told."""
    rocketmq, limits = settings.rocketmq, settings.limits
    return RocketMqSettings(
        advertised_host=rocketmq.advertised_host,
        advertised_port=rocketmq.advertised_port,
        grpc_advertised_port=rocketmq.grpc_advertised_port,
        broker_name=rocketmq.broker_name,
        cluster_name=rocketmq.cluster_name,
        require_login=rocketmq.require_login,
        loopback_users=settings.amqp.loopback_users,
        auto_create=rocketmq.auto_create,
        queues=rocketmq.queues,
        message_bytes_max=rocketmq.message_bytes_max,
        requests_max=rocketmq.requests_max,
        requests_bytes_max=limits.requests_in_flight_bytes_max,
        pulls_max=rocketmq.pulls_max,
        pull_messages_max=rocketmq.pull_messages_max,
        pull_bytes_max=rocketmq.pull_bytes_max,
        suspend_ms_max=rocketmq.suspend_ms_max,
        delivery_bytes_max=limits.owed_deliveries_bytes_max,
        query_bytes_max=rocketmq.query_bytes_max,
        silent_ms_max=rocketmq.client_timeout_ms,
        groups_max=rocketmq.groups_max,
        members_max=rocketmq.group_members_max,
        lock_ms=rocketmq.queue_lock_ms,
        rooms=tuple(rocketmq_room(said) for said in rocketmq.rooms),
        room=settings.kafka.rack,
        pop_messages_max=rocketmq.pop_messages_max,
        pop_invisible_ms_max=rocketmq.pop_invisible_ms_max,
        commit_interval_ms=rocketmq.commit_interval_ms,
        delay_levels_ms=rocketmq.delay_levels_ms,
        delay_max_ms=rocketmq.delay_max_ms,
        recall=rocketmq.recall,
        frame_seconds_max=limits.frame_timeout_ms / 1000,
        idle_seconds_max=limits.idle_timeout_ms / 1000,
        unsent_bytes_max=limits.unsent_bytes_max,
    )


def rocketmq_room(said: str) -> tuple[str, str]:
    """Return a pattern of client ids, and the room that those are in."""
    pattern, equals, room = said.rpartition("=")
    if not (pattern and equals and room):
        raise ConfigError(f"rocketmq.rooms: {said!r} is not `pattern=room`")
    return pattern, room


def make_rocketmq(
    settings: Settings,
    broker: Broker,
    transactions: Transactions,
    gate: Gate,
    memory: Memory,
    ports: Mapping[str, int],
) -> RocketMq:
    """Return what RocketMQ's sessions share; `ports` by the names of doors."""
    broker.users.secrets.seal = seal_in(data_dir_of(settings))
    rocketmq = RocketMq(
        broker=broker,
        settings=rocketmq_settings(settings),
        users=amqp_users(settings, broker),
        gate=gate,
        counters=RocketMqCounters(),
        memory=memory,
        handlers=rocketmq_registry.load(),
        transactions=transactions,
        ports=ports,
        detours=rocketmq_registry.detours(),
    )
    rocketmq.halves.begin()
    return rocketmq


def make_transactions(
    settings: TransactionSettings, broker: Broker, store: LogStore
) -> Transactions:
    """Return the half messages of all protocols, as they were left.

    Before anything is appended: what a crash interrupted is found by the ends of logs.
    """
    log = store.open_log(halves.LOG_ID, halves.LOG_CONFIG)
    fates_log = store.open_log(fates.LOG_ID, fates.LOG_CONFIG)
    kept = store.read_whole(fates_log, lambda: EmbeddedStore(fates_log, broker.clock))
    for one in (log, fates_log):
        broker.lines.follow(one)
    transactions = Transactions(
        Halves(log, broker.lines.settlement(halves.LOG_ID)),
        Fates(kept, fates_log),
        broker.lines.progress,
        clock=Steady(broker.clock, broker.timers),
        changed=broker.turn.add,
        witness=broker.lines.witness,
        has=broker.has,
        settings=settings,
    )
    store.read_whole(log, transactions.restore)
    return transactions


def transaction_settings(settings: Settings) -> TransactionSettings:
    """Return when senders of half messages are asked about them."""
    said = settings.transactions
    return TransactionSettings(
        immune_ms=said.check_after_ms,
        check_interval_ms=said.check_interval_ms,
        checks_max=said.checks_max,
        age_ms_max=said.age_ms_max,
        open_max=said.open_max,
    )


def make_grpc(settings: Settings, rocketmq: RocketMq) -> Grpc | None:
    """Return what sessions of RocketMQ's gRPC share; None: without the extra they are off."""
    ours = settings.rocketmq
    if ours.grpc_port == ours.grpc_tls_port == OFF:
        return None
    if find_spec("h2") is not None:
        return Grpc.of(rocketmq)
    needed = "needs h2: pip install 'anymq[rocketmq-grpc]'"
    if ours.grpc_port not in (OFF, type(ours)().grpc_port) or ours.grpc_tls_port != OFF:
        raise ConfigError(f"rocketmq.grpc_port {needed}")
    log.info("RocketMQ's 5.x clients cannot connect: gRPC is off", reason=needed)
    return None


def amqp_users(settings: Settings, broker: Broker) -> Users:
    """Return who may log in by AMQP; tell the broker which of them are not stored.

    Where the file names nobody, there is guest, whom RabbitMQ's clients try.
    """
    defaults = _defaults(settings)
    broker.users.give(settings.users, defaults)
    broker.users.kept = kept = settings.security.passwords_kept_as
    return Users(settings.users, defaults=defaults, stored=broker.users, kept=kept)


def _defaults(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return who there is until somebody is named."""
    amqp = settings.amqp
    if amqp.default_user:
        return {amqp.default_user: (amqp.default_password,)}
    return GUEST if amqp.guest and not settings.users else {}


def kafka_users(settings: Settings, broker: Broker) -> Users:
    """Return who may log in by Kafka's protocol: whoever may by AMQP."""
    return amqp_users(settings, broker)


def apply_to_vhosts(settings: Settings, broker: Broker) -> None:
    """Tell virtual hosts what the configuration says of them."""
    broker.redeclare_queues(Redeclare(settings.amqp.redeclare))
    limits = settings.limits
    broker.limit_places(
        PlaceLimits(
            queues_max=limits.queues_max,
            exchanges_max=limits.exchanges_max,
            bindings_max=limits.bindings_max,
        )
    )


def _listeners(settings: Settings, host: str, port: int) -> str:
    kafka = settings.kafka
    doors = (("PLAINTEXT", kafka.port), ("SSL", kafka.tls_port))
    return ",".join(f"{name}://{host}:{port or own}" for name, own in doors if own != OFF)


def make_tls(settings: Settings, *, browsers: bool = False) -> ssl.SSLContext:
    """Read the certificate and make of it what listeners are told."""
    tls = settings.tls
    certificate = Path(tls.certificate)
    client_ca = Path(tls.client_ca) if tls.client_ca else None
    required = tls.client_certificate == "required" and not browsers
    return make_context(certificate, Path(tls.key or certificate), client_ca, required=required)


def make_unvouched_tls() -> ssl.SSLContext:
    """Return what speaks TLS with clients that do not look at whose certificate it is."""
    with NamedTemporaryFile(suffix=".pem") as file:  # OpenSSL reads them from files only
        file.write(self_signed.make(datetime.now(UTC), secrets.randbelow))
        file.flush()
        return make_context(Path(file.name), Path(file.name))


def shovel_limits(settings: Settings) -> ShovelLimits:
    """Return what shovels are told."""
    limits = settings.limits
    return ShovelLimits(
        limits.shovels_max, limits.shovel_bytes_max, settings.amqp.message_bytes_max
    )


def attempt_limits(settings: Settings) -> AttemptLimits:
    """Return how often passwords may be guessed."""
    security = settings.security
    return AttemptLimits(security.login_failures_max, security.login_failure_ms / 1000)


def make_tokens(settings: Settings) -> Tokens | None:
    """Return what looks at tokens; None: none are taken."""
    oauth = settings.oauth
    if not oauth.keys:
        return None
    if find_spec("joserfc") is None:
        raise ConfigError("oauth.keys needs joserfc: pip install 'anymq[oauth]'")
    return Tokens(
        TokenSettings(
            keys=oauth.keys,
            issuer=oauth.issuer,
            audience=oauth.audience,
            algorithms=oauth.algorithms,
            name_claims=oauth.name_claims,
            scope_claim=oauth.scope_claim,
            scope_prefix=oauth.scope_prefix,
        )
    )


def make_telemetry(settings: Settings, now_ms: Callable[[], int]) -> Telemetry | None:
    """Return what tells OpenTelemetry of messages; None: nothing does."""
    if not settings.tracing.opentelemetry:
        return None
    if not spans.is_there():
        raise ConfigError("tracing.opentelemetry needs OpenTelemetry: pip install 'anymq[otel]'")
    return Telemetry(spans.make_provider(node_name(settings)), now_ms)


def token_origins(settings: Settings) -> tuple[str, ...]:
    """Return whom the page asks for tokens."""
    parts = urlsplit(settings.oauth.token_url)
    return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()


def provider(settings: Settings) -> Provider | None:
    """Return what the page has to know to send its users to their identity provider."""
    oauth = settings.oauth
    if not (oauth.keys and oauth.client_id and oauth.authorization_url and oauth.token_url):
        return None
    return Provider(
        client_id=oauth.client_id,
        authorization_url=oauth.authorization_url,
        token_url=oauth.token_url,
        scope=" ".join(dict.fromkeys(["openid", *oauth.page_scopes])),
    )


def audit_limits(settings: Settings) -> AuditLimits:
    """Return how much of the audit log is kept."""
    security = settings.security
    return AuditLimits(security.audit_file_bytes, security.audit_files)


def session_limits(settings: Settings) -> SessionLimits:
    """Return what browsers' sessions are told."""
    management = settings.management
    return SessionLimits(
        sessions_max=management.sessions_max,
        idle_s=management.session_idle_ms / 1000,
        session_s=management.session_ms_max / 1000,
    )


def patience(settings: Settings) -> Patience:
    """Return what connections are told."""
    limits = settings.limits
    return Patience(
        handshake=limits.login_timeout_ms / 1000,
        stalled=limits.idle_timeout_ms / 1000,
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
