"""The configuration, in the words of the parts that it is for."""

from anymq.config.model import Settings
from anymq.core.broker import BrokerSettings
from anymq.net.connection import Patience
from anymq.protocols.kafka.settings import KafkaSettings


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
        "log.segment.bytes": storage.segment_bytes,
        "log.roll.ms": storage.segment_ms,
        "group.initial.rebalance.delay.ms": groups.initial_rebalance_delay_ms,
        "group.min.session.timeout.ms": groups.session_ms_min,
        "group.max.session.timeout.ms": groups.session_ms_max,
        "group.max.size": groups.members_max,
        "offset.metadata.max.bytes": groups.offset_metadata_bytes_max,
    }
    return BrokerSettings(
        node_id=settings.server.node_id,
        topics_max=limits.topics_max,
        partitions_max=limits.partitions_max,
        partitions_per_topic_max=limits.topic_partitions_max,
        configs={name: _text(value) for name, value in configs.items()},
    )


def kafka_settings(settings: Settings) -> KafkaSettings:
    """Return what Kafka sessions are told."""
    kafka, limits = settings.kafka, settings.limits
    return KafkaSettings(
        advertised_host=kafka.advertised_host,
        advertised_port=kafka.advertised_port,
        rack=kafka.rack,
        sasl_mechanisms=kafka.sasl_mechanisms if settings.users else (),
        login_required=kafka.require_login,
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


def patience(settings: Settings) -> Patience:
    """Return what connections are told."""
    limits = settings.limits
    return Patience(
        handshake=limits.login_timeout_ms / 1000,
        stalled=limits.idle_timeout_ms / 1000,
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
