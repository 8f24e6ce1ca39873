"""`anymq kafka-consumer-groups`: as kafka-consumer-groups.sh. What it prints is in group_tables."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin import groups as admin
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.commits import committed, delete_committed, set_committed
from anymq.cli.kafka.errors import RequestRefused
from anymq.cli.kafka.offsets import EARLIEST, LATEST, Where
from anymq.cli.kafka.resets import Target, partitions_named, plan
from anymq.cli.kafka_tools import group_tables as tables
from anymq.cli.kafka_tools.flags import add_common, connect
from anymq.protocols.kafka.error_codes import ErrorCode

_DURATION = re.compile(
    r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE
)
SCOPE_MISSING = "One of the reset scopes should be defined: --all-topics, --topic."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    one = parser.add_mutually_exclusive_group(required=True).add_argument
    one("--list", action="store_true", help="list all consumer groups")
    one("--describe", action="store_true", help="describe groups, with lag")
    one("--delete", action="store_true", help="delete groups")
    one("--reset-offsets", action="store_true", help="reset the offsets of a group")
    one("--delete-offsets", action="store_true", help="delete offsets of a group")
    add = parser.add_argument
    add("--group", action="append", default=[], help="repeatable")
    add("--all-groups", action="store_true", help="apply to all groups")
    add("--topic", action="append", default=[], help="TOPIC, or TOPIC:0,1; repeatable")
    add("--all-topics", action="store_true", help="all topics that the group has committed")
    add("--members", action="store_true", help="describe the members")
    add("--offsets", action="store_true", help="describe the offsets (the default)")
    add("--state", nargs="?", const="", metavar="STATES", help="describe or list with the state")
    add("--type", nargs="?", const="", metavar="TYPES", help="list with the type")
    add("--verbose", action="store_true", help="describe with more columns")
    add("--timeout", type=int, metavar="MS", help="accepted")
    _add_targets(parser)
    add("--dry-run", action="store_true", help="only show what a reset would do (the default)")
    add("--execute", action="store_true", help="do the reset")
    add("--export", action="store_true", help="print the reset as CSV")


def _add_targets(parser: argparse.ArgumentParser) -> None:
    to = parser.add_mutually_exclusive_group().add_argument
    to("--to-earliest", action="store_true", help="reset to the earliest offset")
    to("--to-latest", action="store_true", help="reset to the latest offset")
    to("--to-current", action="store_true", help="reset to the current offset")
    to("--to-offset", type=int, metavar="N", help="reset to this offset")
    to("--to-datetime", metavar="YYYY-MM-DDThh:mm:ss.sss", help="reset to this time (UTC)")
    to("--by-duration", metavar="PnDTnHnMnS", help="reset to so long ago")
    to("--shift-by", type=int, metavar="N", help="reset forward, or back when negative")
    to("--from-file", metavar="CSV", help="reset as --export wrote it")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when something was refused (the original says 0)."""
    with connect(arguments) as cluster:
        try:
            if arguments.list:
                return list_groups(cluster, arguments)
            groups = _groups(cluster, arguments)
            if arguments.describe:
                return describe(cluster, arguments, groups)
            if arguments.delete:
                return tables.print_deleted(admin.delete(cluster, groups))
            if arguments.reset_offsets:
                return reset(cluster, arguments, groups)
            return delete_offsets(cluster, arguments, groups[0])
        except RequestRefused as error:
            return tables.print_error(f"Executing consumer group command failed due to {error}")


def _groups(cluster: Cluster, arguments: argparse.Namespace) -> list[str]:
    if arguments.all_groups:
        return [each.id for each in admin.listing(cluster)]
    if not arguments.group:
        raise CommandFailed("Option [--group] or [--all-groups] is required")
    return list(dict.fromkeys(arguments.group))


def list_groups(cluster: Cluster, arguments: argparse.Namespace) -> int:
    """Print names, or a table when state or type are asked for."""
    states = [_camel(each) for each in (arguments.state or "").split(",") if each]
    types = [each.strip().capitalize() for each in (arguments.type or "").split(",") if each]
    found = admin.listing(cluster, states, types)
    if arguments.state is None and arguments.type is None:
        for group in found:
            print(group.id)
    else:
        tables.print_listing(found, arguments.type is not None, arguments.state is not None)
    return 0


def _camel(state: str) -> str:
    """Write a state as brokers do: "preparing-rebalance" and the like are what people type."""
    known = ("Empty", "Stable", "Dead", "PreparingRebalance", "CompletingRebalance")
    plain = re.sub("[^a-z]", "", state.lower())
    return next((each for each in known if each.lower() == plain), state.strip().capitalize())


def describe(cluster: Cluster, arguments: argparse.Namespace, groups: Sequence[str]) -> int:
    """Print offsets, or members, or states."""
    status = 0
    for name in sorted(groups):
        try:
            group = admin.describe(cluster, name)
        except RequestRefused as error:
            if error.code != ErrorCode.GROUP_ID_NOT_FOUND:
                raise
            status = tables.print_error(f"Consumer group '{name}' does not exist.")
            continue
        if arguments.members:
            tables.print_members(group, arguments.verbose)
        elif arguments.state is not None:
            tables.print_state(group, arguments.verbose)
        else:
            tables.print_offsets(group, admin.rows(cluster, group), arguments.verbose)
    return status


# --- resets ------------------------------------------------------------------------------------


def reset(cluster: Cluster, arguments: argparse.Namespace, groups: Sequence[str]) -> int:
    """Print what each group would go on with; make it so with --execute."""
    if not (arguments.dry_run or arguments.execute):
        print("nothing is changed: the --execute option is missing", file=sys.stderr)
    status, results = 0, {}
    for name in groups:
        state = _state(cluster, name)
        if state not in ("Empty", "Dead"):
            text = f"Assignments can only be reset if the group '{name}' is inactive, but the"
            status = tables.print_error(f"{text} current state is {state}.")
            continue
        results[name] = _reset_one(cluster, arguments, name, len(groups) == 1)
    if arguments.export:
        tables.print_csv(results)
    else:
        tables.print_reset(results)
    return status


def _state(cluster: Cluster, name: str) -> str:
    try:
        return admin.describe(cluster, name).state
    except RequestRefused as error:
        if error.code != ErrorCode.GROUP_ID_NOT_FOUND:
            raise
        return "Dead"  # its first offsets make it


def _reset_one(
    cluster: Cluster, arguments: argparse.Namespace, name: str, only_one: bool
) -> Mapping[Where, int]:
    target = _target(arguments, name, only_one)
    if arguments.topic:
        partitions = partitions_named(cluster, arguments.topic)
    elif arguments.all_topics:
        partitions = sorted(committed(cluster, name))
    elif target.plan is not None:
        partitions = []
    else:
        raise CommandFailed(SCOPE_MISSING)
    result = plan(cluster, name, partitions, target)
    for topic, index in result.too_old:
        print(
            f"\nWarn: Partition {index} from topic {topic} is empty."
            " Falling back to latest known offset."
        )
    if arguments.execute and not arguments.dry_run:
        set_committed(cluster, name, result.offsets)
    return result.offsets


def _target(arguments: argparse.Namespace, name: str, only_one: bool) -> Target:
    if arguments.to_earliest or arguments.to_latest:
        return Target(special=EARLIEST if arguments.to_earliest else LATEST)
    if arguments.from_file:
        return Target(plan=_plan_of(Path(arguments.from_file), name, only_one))
    if arguments.to_datetime:
        return Target(time_ms=_ms(parse_datetime(arguments.to_datetime)))
    if arguments.by_duration:
        return Target(time_ms=_ms(datetime.now(UTC) - parse_duration(arguments.by_duration)))
    target = Target(
        offset=arguments.to_offset, shift=arguments.shift_by, current=arguments.to_current
    )
    if target == Target():
        raise CommandFailed(
            "--reset-offsets requires one of: --to-datetime, --by-duration, --to-earliest,"
            " --to-latest, --shift-by, --from-file, --to-current, --to-offset"
        )
    return target


def parse_datetime(text: str) -> datetime:
    """Read a time; one that names no zone is in UTC, as there."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(f"--to-datetime: {error}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """Read a duration as ISO 8601 has it."""
    match = _DURATION.fullmatch(text)
    if match is None or text[-1] in "PTpt":
        raise CommandFailed(f"--by-duration takes P7D, PT1H30M and the like, not {text!r}")
    days, hours, minutes, seconds = (float(each or 0) for each in match.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if match[1] else length


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _plan_of(path: Path, group: str, only_one: bool) -> dict[Where, int]:
    """Read lines of topic,partition,offset, with the group before them when there are several."""
    found: dict[Where, int] = {}
    try:
        for line in filter(None, path.read_text().splitlines()):
            *owner, topic, index, offset = line.split(",")
            if (owner or [group]) == [group] and (owner or only_one):
                found[topic, int(index)] = int(offset)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
    return found


def delete_offsets(cluster: Cluster, arguments: argparse.Namespace, group: str) -> int:
    """Forget offsets."""
    if not arguments.topic:
        raise CommandFailed(
            "Option [--delete-offsets] takes the following options: --group, --topic"
        )
    partitions = partitions_named(cluster, arguments.topic)
    return tables.print_forgotten(group, delete_committed(cluster, group, partitions))
