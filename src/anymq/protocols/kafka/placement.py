"""Which replicas a client may ask for: on a single node one of each partition, here.

The words are Kafka's: people search for them.
"""

from collections.abc import Sequence

from anymq.core.errors import Invalid

DEFAULT = -1


class InvalidReplicationFactor(Invalid):
    """More copies than there are nodes, or none."""


class InvalidAssignment(Invalid):
    """Replicas where there is no node, or twice on one."""


def check_factor(factor: int, *, lenient: bool) -> None:
    """Refuse a replication factor that cannot be; `lenient` takes any that is not nonsense."""
    if factor < DEFAULT or factor == 0:
        raise InvalidReplicationFactor(
            "Replication factor must be larger than 0, or -1 to use the default value."
        )
    if factor > 1 and not lenient:
        raise InvalidReplicationFactor(
            f"Unable to replicate the partition {factor} time(s): The target replication factor "
            f"of {factor} cannot be reached because only 1 broker(s) are registered."
        )


def check_replicas(replicas: Sequence[int], node_id: int) -> None:
    """Refuse replicas of one partition that are not just this node."""
    if not replicas:
        raise InvalidAssignment("The manual partition assignment includes an empty replica list.")
    for one in sorted(replicas):
        if one != node_id:
            raise InvalidAssignment(
                f"The manual partition assignment includes broker {one}, but no such broker is "
                "registered."
            )
    if len(replicas) > 1:
        raise InvalidAssignment(
            f"The manual partition assignment includes the broker {node_id} more than once."
        )
