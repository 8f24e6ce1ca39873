"""Every topic config there is: Kafka 4.4's, and our own (`anymq.…`).

Kafka's are all accepted, kept and described, so that scripts and tools that set them work. What a
config that does nothing here would do is said in its text.
"""

from anymq.config.units import DAY_MS, HOUR_MS, KIB, MIB, MINUTE_MS
from anymq.core.streams.config_def import (
    INT_MAX,
    LONG_MAX,
    ConfigDef,
    ConfigType,
    Importance,
    Synonym,
    Valid,
    at_least,
    between,
    by_name,
    one_of,
    some_of,
)

INT, LONG, BOOLEAN = ConfigType.INT, ConfigType.LONG, ConfigType.BOOLEAN
STRING, LIST, DOUBLE = ConfigType.STRING, ConfigType.LIST, ConfigType.DOUBLE
_LONG_MAX = str(LONG_MAX)


def _log(*names: str) -> tuple[Synonym, ...]:
    return tuple(Synonym(f"log.{name}") for name in names)


_SEGMENTS = [
    ConfigDef(
        name="segment.bytes",
        type=INT,
        default=str(64 * MIB),
        # Kafka says 1 MiB since version 4; what was written for older ones should go on working.
        valid=at_least(1 * KIB),
        synonyms=_log("segment.bytes"),
        doc="Start a new segment file at this size. Retention and compaction take whole segments.",
    ),
    ConfigDef(
        name="internal.segment.bytes",
        type=INT,
        default="0",
        valid=at_least(0),
        hidden=True,
        doc="Overrides segment.bytes without its lower limit; 0 does not. For tests.",
    ),
    ConfigDef(
        name="segment.ms",
        type=LONG,
        default=str(7 * DAY_MS),
        valid=at_least(1),
        synonyms=(Synonym("log.roll.ms"), Synonym("log.roll.hours", HOUR_MS)),
        doc="Start a new segment after this time even if it is not full, so that old data can go.",
    ),
    ConfigDef(
        name="segment.jitter.ms",
        type=LONG,
        default="0",
        valid=at_least(0),
        synonyms=(Synonym("log.roll.jitter.ms"), Synonym("log.roll.jitter.hours", HOUR_MS)),
        doc="Kept, without effect: segments are rolled one after another, so they need no jitter.",
    ),
    ConfigDef(
        name="segment.index.bytes",
        type=INT,
        default=str(10 * MIB),
        valid=at_least(4),
        synonyms=_log("index.size.max.bytes"),
        doc="Kept, without effect: indexes are not allocated ahead.",
    ),
    ConfigDef(
        name="index.interval.bytes",
        type=INT,
        default=str(4 * KIB),
        valid=at_least(0),
        synonyms=_log("index.interval.bytes"),
        doc="Note a place in the index every so many bytes.",
    ),
    ConfigDef(
        name="preallocate",
        type=BOOLEAN,
        default="false",
        synonyms=_log("preallocate"),
        doc="Kept, without effect: segments grow as they are written.",
    ),
    ConfigDef(
        name="file.delete.delay.ms",
        type=LONG,
        default=str(MINUTE_MS),
        valid=at_least(0),
        synonyms=_log("segment.delete.delay.ms"),
        doc="Kept, without effect: a file that is being read lives until its last reader is done.",
    ),
]

_RETENTION = [
    ConfigDef(
        name="cleanup.policy",
        type=LIST,
        default="delete",
        valid=some_of("compact", "delete"),
        synonyms=_log("cleanup.policy"),
        doc="'delete' drops old segments by time and size; 'compact' keeps the last record of each "
        "key; both do both; empty keeps everything.",
    ),
    ConfigDef(
        name="retention.ms",
        type=LONG,
        default=str(7 * DAY_MS),
        valid=at_least(-1),
        synonyms=(
            Synonym("log.retention.ms"),
            Synonym("log.retention.minutes", MINUTE_MS),
            Synonym("log.retention.hours", HOUR_MS),
        ),
        doc="With cleanup.policy 'delete': drop segments whose newest record is older; "
        "-1 never does.",
    ),
    ConfigDef(
        name="retention.bytes",
        type=LONG,
        default="-1",
        synonyms=_log("retention.bytes"),
        doc="With cleanup.policy 'delete': drop the oldest segments of a partition that is bigger; "
        "-1 never does.",
    ),
    ConfigDef(
        name="delete.retention.ms",
        type=LONG,
        default=str(DAY_MS),
        valid=at_least(0),
        synonyms=(Synonym("log.cleaner.delete.retention.ms"),),
        doc="How long compaction keeps a record that deletes its key, so that readers see it.",
    ),
    ConfigDef(
        name="min.compaction.lag.ms",
        type=LONG,
        default="0",
        valid=at_least(0),
        synonyms=(Synonym("log.cleaner.min.compaction.lag.ms"),),
        doc="A record younger than this is not compacted.",
    ),
    ConfigDef(
        name="max.compaction.lag.ms",
        type=LONG,
        default=_LONG_MAX,
        valid=at_least(1),
        synonyms=(Synonym("log.cleaner.max.compaction.lag.ms"),),
        doc="A record older than this is compacted, however little there is to gain.",
    ),
    ConfigDef(
        name="min.cleanable.dirty.ratio",
        type=DOUBLE,
        default="0.5",
        valid=between(0, 1),
        synonyms=(Synonym("log.cleaner.min.cleanable.ratio"),),
        doc="Compact when at least this part of the log has not been compacted yet.",
    ),
]

_MESSAGES = [
    ConfigDef(
        name="max.message.bytes",
        type=INT,
        default=str(1 * MIB + 12),
        valid=at_least(0),
        synonyms=(Synonym("message.max.bytes"),),
        doc="The biggest record batch that is accepted, as it is sent (compressed).",
    ),
    ConfigDef(
        name="max.decompressed.message.bytes",
        type=INT,
        default=str(INT_MAX - 8),
        valid=at_least(0),
        doc="How big a batch may become where the broker has to unpack it.",
    ),
    ConfigDef(
        name="message.timestamp.type",
        type=STRING,
        default="CreateTime",
        valid=one_of("CreateTime", "LogAppendTime"),
        synonyms=_log("message.timestamp.type"),
        doc="Whether records keep the producer's time or get the broker's.",
    ),
    ConfigDef(
        name="message.timestamp.before.max.ms",
        type=LONG,
        default=_LONG_MAX,
        valid=at_least(0),
        synonyms=_log("message.timestamp.before.max.ms"),
        doc="Refuse records that are older than this when they arrive (CreateTime only).",
    ),
    ConfigDef(
        name="message.timestamp.after.max.ms",
        type=LONG,
        default=str(HOUR_MS),
        valid=at_least(0),
        synonyms=_log("message.timestamp.after.max.ms"),
        doc="Refuse records that are further in the future when they arrive (CreateTime only).",
    ),
]

_COMPRESSION = [
    ConfigDef(
        name="compression.type",
        type=STRING,
        default="producer",
        valid=one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        synonyms=(Synonym("compression.type"),),
        doc="How batches are kept: as the producer compressed them, or compressed again by the "
        "broker, which is slow.",
    ),
    ConfigDef(
        name="compression.gzip.level",
        type=INT,
        default="-1",
        valid=Valid(
            lambda value: value == -1 or value in range(1, 10),
            "Value must be between 1 and 9 or equal to -1",
        ),
        synonyms=(Synonym("compression.gzip.level"),),
        doc="How hard to try with compression.type=gzip.",
    ),
    ConfigDef(
        name="compression.lz4.level",
        type=INT,
        default="9",
        valid=between(1, 17),
        synonyms=(Synonym("compression.lz4.level"),),
        doc="How hard to try with compression.type=lz4.",
    ),
    ConfigDef(
        name="compression.zstd.level",
        type=INT,
        default="3",
        valid=between(-131072, 22),
        synonyms=(Synonym("compression.zstd.level"),),
        doc="How hard to try with compression.type=zstd.",
    ),
]

_DURABILITY = [
    ConfigDef(
        name="anymq.durability",
        type=STRING,
        default="commit",
        valid=one_of("commit", "interval", "os"),
        synonyms=(Synonym("anymq.durability"),),
        importance=Importance.HIGH,
        doc="What an acknowledgement means: 'commit' survives a power cut, 'interval' is synced "
        "every so often, 'os' survives a crash of the broker but not of the machine (as Kafka).",
    ),
    ConfigDef(
        name="flush.messages",
        type=LONG,
        default=_LONG_MAX,
        valid=at_least(1),
        synonyms=_log("flush.interval.messages"),
        doc="Kept, without effect: anymq.durability decides when records are synced.",
    ),
    ConfigDef(
        name="flush.ms",
        type=LONG,
        default=_LONG_MAX,
        valid=at_least(0),
        synonyms=_log("flush.interval.ms", "flush.scheduler.interval.ms"),
        doc="Kept, without effect: anymq.durability decides when records are synced.",
    ),
]

_REPLICATION = [
    ConfigDef(
        name="min.insync.replicas",
        type=INT,
        default="1",
        valid=at_least(1),
        synonyms=(Synonym("min.insync.replicas"),),
        doc="Kept, without effect on a single node: how many replicas must have a record before "
        "acks=all is answered.",
    ),
    ConfigDef(
        name="unclean.leader.election.enable",
        type=BOOLEAN,
        default="false",
        synonyms=(Synonym("unclean.leader.election.enable"),),
        doc="Kept, without effect: a replica that lacks acknowledged records never leads.",
    ),
    ConfigDef(
        name="leader.replication.throttled.replicas",
        type=LIST,
        default="",
        doc="Kept, without effect: which replicas' outgoing copies are slowed down.",
    ),
    ConfigDef(
        name="follower.replication.throttled.replicas",
        type=LIST,
        default="",
        doc="Kept, without effect: which replicas' incoming copies are slowed down.",
    ),
]

_TIERED = [
    ConfigDef(
        name="remote.storage.enable",
        type=BOOLEAN,
        default="false",
        doc="Kept, without effect: whether old segments move to object storage.",
    ),
    ConfigDef(
        name="local.retention.ms",
        type=LONG,
        default="-2",
        valid=at_least(-2),
        synonyms=_log("local.retention.ms"),
        doc="Kept, without effect: how long a segment stays here once it is in object storage.",
    ),
    ConfigDef(
        name="local.retention.bytes",
        type=LONG,
        default="-2",
        valid=at_least(-2),
        synonyms=_log("local.retention.bytes"),
        doc="Kept, without effect: how much stays here of what is in object storage.",
    ),
    ConfigDef(
        name="remote.log.copy.disable",
        type=BOOLEAN,
        default="false",
        doc="Kept, without effect: no new segments go to object storage.",
    ),
    ConfigDef(
        name="remote.log.delete.on.disable",
        type=BOOLEAN,
        default="false",
        doc="Kept, without effect: forget what is in object storage when it is switched off.",
    ),
    ConfigDef(
        name="remote.copy.lag.ms",
        type=LONG,
        default="0",
        valid=at_least(-1),
        doc="Kept, without effect: how long a segment waits before it goes to object storage.",
    ),
    ConfigDef(
        name="remote.copy.lag.bytes",
        type=LONG,
        default="0",
        valid=at_least(-1),
        doc="Kept, without effect: how much stays here before more goes to object storage.",
    ),
]

_SHARING = [
    ConfigDef(
        name="errors.deadletterqueue.group.enable",
        type=BOOLEAN,
        default="false",
        doc="Whether share groups may use this topic for their dead letters.",
    ),
]

TOPIC_CONFIGS = by_name(
    [
        *_SEGMENTS,
        *_RETENTION,
        *_MESSAGES,
        *_COMPRESSION,
        *_DURABILITY,
        *_REPLICATION,
        *_TIERED,
        *_SHARING,
    ]
)
