"""What clients are told of how they shall behave: they insist on it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.grpc.checks import group_of
from anymq.protocols.rocketmq.grpc.definition import (
    CustomizedBackoff,
    Duration,
    ExponentialBackoff,
    Metric,
    Publishing,
    RetryPolicy,
    Settings,
    Subscription,
    duration_of,
)
from anymq.protocols.rocketmq.kept import GroupSettings

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient

PRODUCER_ATTEMPTS = 3
LONG_POLLING_MS = 20_000
BATCH_SIZE = 32
# After each failure, as RocketMQ has it for all clients: levels 3 to 18.
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 5_000, 7_200_000  # of a policy that grows
RETRY_SECONDS = (10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200)


def settings_for(client: "GrpcClient", said: Settings) -> Settings:
    """Answer a client's settings with ours."""
    answer = Settings(
        client_type=said.client_type,
        access_point=said.access_point,
        request_timeout=said.request_timeout,
        user_agent=said.user_agent,
        metric=Metric(on=False),
    )
    if said.publishing is not None:
        answer.backoff_policy = producer_backoff()
        answer.publishing = Publishing(
            topics=said.publishing.topics,
            max_body_size=client.rocketmq.settings.message_bytes_max,
            validate_message_type=False,  # any topic takes any message here
        )
    elif said.subscription is not None:
        group = client.rocketmq.group_settings.of(group_of(said.subscription.group))
        answer.backoff_policy = consumer_backoff(group)
        answer.subscription = _subscription(said.subscription, group)
    return answer


def _subscription(said: Subscription, group: GroupSettings) -> Subscription:
    return Subscription(
        group=said.group,
        subscriptions=said.subscriptions,
        fifo=group.consume_message_orderly,
        receive_batch_size=BATCH_SIZE,
        long_polling_timeout=duration_of(LONG_POLLING_MS),
    )


def producer_backoff() -> RetryPolicy:
    """Return how often a producer tries to send."""
    pauses = ExponentialBackoff(duration_of(10), duration_of(1000), 2.0)
    return RetryPolicy(PRODUCER_ATTEMPTS, exponential_backoff=pauses)


def consumer_backoff(group: GroupSettings) -> RetryPolicy:
    """Return how often a message comes again, and when: as mqadmin said of the group."""
    attempts = group.retry_max_times + 1
    policy = group.group_retry_policy
    said = policy.get("exponentialRetryPolicy") if isinstance(policy, Mapping) else None
    if isinstance(said, Mapping):
        first, most = _ms(said, "initial", FIRST_PAUSE_MS), _ms(said, "max", LONGEST_PAUSE_MS)
        grows = float(_ms(said, "multiplier", 2))
        pauses = ExponentialBackoff(duration_of(first), duration_of(most), grows)
        return RetryPolicy(attempts, exponential_backoff=pauses)
    steps = CustomizedBackoff([Duration(seconds) for seconds in RETRY_SECONDS])
    return RetryPolicy(attempts, customized_backoff=steps)


def _ms(said: Mapping[str, object], name: str, default: int) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and 0 < value <= LONGEST_PAUSE_MS else default
