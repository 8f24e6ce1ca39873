"""`anymq kafka-delete-records`: as kafka-delete-records.sh."""

import argparse
from pathlib import Path

import msgspec

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin.topics import delete_before
from anymq.cli.kafka.errors import RequestRefused
from anymq.cli.kafka.offsets import Where
from anymq.cli.kafka_tools.flags import add_common, connect

EXAMPLE = '{"partitions": [{"topic": "foo", "partition": 1, "offset": 1}], "version": 1}'


class Entry(msgspec.Struct, gc=False):
    """Up to where to delete in one partition."""

    topic: str
    partition: int
    offset: int


class Plan(msgspec.Struct, gc=False):
    """The file."""

    partitions: list[Entry]
    version: int = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    parser.add_argument(
        "--offset-json-file", required=True, metavar="FILE", help=f"REQUIRED: as {EXAMPLE}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Delete what is before these offsets."""
    offsets = read_plan(Path(arguments.offset_json_file))
    with connect(arguments) as cluster:
        print("Executing records delete operation")
        results = delete_before(cluster, offsets)
    print("Records delete operation completed:")
    for (topic, index), result in results.items():
        name = "error: " if isinstance(result, RequestRefused) else "low_watermark: "
        print(f"partition: {topic}-{index}\t{name}{result}")
    return int(any(isinstance(result, RequestRefused) for result in results.values()))


def read_plan(path: Path) -> dict[Where, int]:
    """Read the file."""
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError) as error:
        raise CommandFailed(f"{path}: {error}. It is to be like {EXAMPLE}") from error
    if plan.version != 1:
        raise CommandFailed(f"Not supported version field value {plan.version}")
    offsets: dict[Where, int] = {}
    for each in plan.partitions:
        if (each.topic, each.partition) in offsets:
            where = f"{each.topic}-{each.partition}"
            raise CommandFailed(f"Offset json file contains duplicate topic partitions: {where}")
        offsets[each.topic, each.partition] = each.offset
    return offsets
