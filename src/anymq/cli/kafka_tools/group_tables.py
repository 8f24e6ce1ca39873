"""What kafka-consumer-groups prints: to the space as the original, since scripts cut columns."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from anymq.cli.kafka.admin.groups import Group, GroupListing, Member, Row
from anymq.cli.kafka.errors import RequestRefused
from anymq.cli.kafka.offsets import Where
from anymq.protocols.kafka.error_codes import ErrorCode

MISSING = "-"
FAILED = 1
WIDTH = 15  # of most columns, at least
REBALANCING = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")

# Their class names are part of the output, and looked for by scripts.
_ERRORS = "org.apache.kafka.common.errors."
JAVA_ERRORS: Mapping[ErrorCode, str] = {
    ErrorCode.GROUP_ID_NOT_FOUND: _ERRORS
    + "GroupIdNotFoundException: The group id does not exist.",
    ErrorCode.NON_EMPTY_GROUP: _ERRORS + "GroupNotEmptyException: The group is not empty.",
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: _ERRORS
    + "GroupSubscribedToTopicException: Deleting offsets of a topic is forbidden"
    + " while the consumer group is actively subscribed to it.",
}


def print_error(text: str) -> int:
    """Print it, as there on standard output; return the status to end with."""
    print(f"\nError: {text}")
    return FAILED


def print_listing(groups: Sequence[GroupListing], with_type: bool, with_state: bool) -> None:
    """Print a table of groups."""
    width = max([WIDTH, *(len(group.id) for group in groups)]) + 10
    rows = [
        ("GROUP", "TYPE", "STATE"),
        *((g.id, g.type.capitalize() or "Unknown", g.state) for g in groups),
    ]
    for name, kind, state in rows:
        cells = [name.ljust(width)]
        cells += [kind.ljust(20)] if with_type else []
        cells += [state.ljust(20)] if with_state else []
        print(" ".join(cells))


def print_offsets(group: Group, rows: Sequence[Row], verbose: bool) -> None:
    """Print how far the group is."""
    if not _print_activity(group) or not rows:
        return
    head = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
    body = [_offset_cells(row) for row in rows]
    widths = [_width(row.group for row in rows), _width(row.topic for row in rows), 10, 15, 15, 15]
    if verbose:
        head.insert(3, "LEADER-EPOCH")
        widths.insert(3, 15)
        for cells in body:
            cells.insert(3, MISSING)
    members = [_member_cells(row.member) for row in rows]
    widths += [_width(cells[0] for cells in members), _width(cells[1] for cells in members)]
    lines = [[*head, "CONSUMER-ID", "HOST", "CLIENT-ID"]]
    lines += [[*cells, *member] for cells, member in zip(body, members, strict=True)]
    for line in lines:
        print("\n" + _pad(line, [*widths, 0]), end="")
    print()


def _offset_cells(row: Row) -> list[str]:
    numbers = [row.offset, row.end, row.lag]
    shown = [MISSING if number is None else str(number) for number in numbers]
    return [row.group, row.topic, str(row.partition), *shown]


def _member_cells(member: Member | None) -> list[str]:
    if member is None:
        return [MISSING] * 3
    return [member.id, member.host, member.client]


def print_members(group: Group, verbose: bool) -> None:
    """Print who reads how much."""
    _print_activity(group)
    static = any(member.instance for member in group.members)
    head = ["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]
    rows = [[group.id, m.id, m.host, m.client, str(len(m.partitions))] for m in group.members]
    if static:
        head.insert(2, "GROUP-INSTANCE-ID")
        for row, member in zip(rows, group.members, strict=True):
            row.insert(2, member.instance or "")
    if verbose:
        head += ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT"]
        for row, member in zip(rows, group.members, strict=True):
            row += [MISSING, assignment_text(member.partitions), MISSING, MISSING]
    columns = list(zip(*[head, *rows], strict=True))
    least = [20 if column[0].endswith("-ASSIGNMENT") else WIDTH for column in columns]
    widths = [max(*map(len, column), low) for column, low in zip(columns, least, strict=True)]
    print()
    for line in [head, *rows]:
        print(_pad(line, widths) + ("" if verbose else " "))


def assignment_text(partitions: Iterable[Where]) -> str:
    """Write what a member reads: "topic:0,1;other:2"."""
    grouped: dict[str, list[int]] = {}
    for topic, index in sorted(partitions):
        grouped.setdefault(topic, []).append(index)
    if not grouped:
        return MISSING
    return ";".join(f"{topic}:{','.join(map(str, each))}" for topic, each in grouped.items())


def print_state(group: Group, verbose: bool) -> None:
    """Print the state of a group."""
    _print_activity(group)
    node = group.coordinator
    coordinator = f"{node.host}:{node.port}  ({node.id})"
    widths = [max(WIDTH, len(group.id)), max(25, len(coordinator)), 20, 20]
    head = ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"]
    assignor = group.assignor or MISSING
    cells = [group.id, coordinator, assignor, group.state, str(len(group.members))]
    if verbose:
        head[4:4], cells[4:4] = ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"], [MISSING, MISSING]
        widths += [15, 25]
    for line in (head, cells):
        print("\n" + _pad(line, [*widths, 0]), end="")
    print()


def _print_activity(group: Group) -> bool:
    """Say on standard error what is not as usual; False when there is nothing to show."""
    if group.state == "Empty":
        print(f"\nConsumer group '{group.id}' has no active members.", file=sys.stderr)
    elif group.state in REBALANCING:
        print(f"\nWarning: Consumer group '{group.id}' is rebalancing.", file=sys.stderr)
    return group.state != "Dead"


def print_reset(results: Mapping[str, Mapping[Where, int]]) -> None:
    """Print new offsets."""
    lines = [("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")]
    lines += [
        (group, topic, str(index), str(offset))
        for group, offsets in results.items()
        for (topic, index), offset in offsets.items()
    ]
    rows = [[*line[:3], line[3]] for line in lines]
    widths = [_width(row[0] for row in rows), _width(row[1] for row in rows), 10, 15]
    for row in rows:
        print("\n" + _pad(row, widths).rstrip(), end="")
    print()


def print_csv(results: Mapping[str, Mapping[Where, int]]) -> None:
    """Print new offsets as --from-file reads them."""
    for group, offsets in results.items():
        for (topic, index), offset in offsets.items():
            owner = [] if len(results) == 1 else [group]
            print(",".join([*owner, topic, str(index), str(offset)]))
    print()


def print_deleted(results: Mapping[str, RequestRefused | None]) -> int:
    """Print which groups are gone."""
    failed = {group: error for group, error in results.items() if error is not None}
    gone = "', '".join(group for group in results if group not in failed)
    if not failed:
        print(f"Deletion of requested consumer groups ('{gone}') was successful.")
        return 0
    print_error("Deletion of some consumer groups failed:")
    for group, error in failed.items():
        print(
            f"* Group '{group}' could not be deleted due to: {JAVA_ERRORS.get(error.code, error)}"
        )
    if gone:
        print(f"\nThese consumer groups were deleted successfully: '{gone}'")
    return FAILED


def print_forgotten(group: str, results: Mapping[Where, RequestRefused | None]) -> int:
    """Print which offsets are gone."""
    failed = any(error is not None for error in results.values())
    if failed:
        print_error("Encountered some partition-level error, see the follow-up details.")
    else:
        print(f"Request succeeded for deleting offsets from group {group}.")
    lines = [["TOPIC", "PARTITION", "STATUS"]]
    lines += [
        [
            topic,
            str(index),
            "Successful" if error is None else f"Error: {JAVA_ERRORS.get(error.code, error)}",
        ]
        for (topic, index), error in sorted(results.items(), key=lambda each: each[0])
    ]
    widths = [_width(line[0] for line in lines), 10, 15]
    for line in lines:
        print("\n" + _pad(line, widths), end="")
    print()
    return FAILED if failed else 0


def _width(cells: Iterable[str]) -> int:
    return max([WIDTH, *map(len, cells)])


def _pad(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
