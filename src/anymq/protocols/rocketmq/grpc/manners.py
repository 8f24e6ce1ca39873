"""What clients are told of how they shall behave: they insist on it."""

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient

PRODUCER_ATTEMPTS = 3
CONSUMER_ATTEMPTS = 17  # 16 of them are retries
LONG_POLLING_MS = 20_000
BATCH_SIZE = 32
# After each failure, as RocketMQ has it for all clients: levels 3 to 18.
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
        answer.backoff_policy = _producer_backoff()
        answer.publishing = Publishing(
            topics=said.publishing.topics,
            max_body_size=client.rocketmq.settings.message_bytes_max,
            validate_message_type=False,  # any topic takes any message here
        )
    elif said.subscription is not None:
        answer.backoff_policy = _consumer_backoff()
        answer.subscription = _subscription(said.subscription)
    return answer


def _subscription(said: Subscription) -> Subscription:
    return Subscription(
        group=said.group,
        subscriptions=said.subscriptions,
        fifo=bool(said.fifo),
        receive_batch_size=BATCH_SIZE,
        long_polling_timeout=duration_of(LONG_POLLING_MS),
    )


def _producer_backoff() -> RetryPolicy:
    pauses = ExponentialBackoff(duration_of(10), duration_of(1000), 2.0)
    return RetryPolicy(PRODUCER_ATTEMPTS, exponential_backoff=pauses)


def _consumer_backoff() -> RetryPolicy:
    pauses = CustomizedBackoff([Duration(seconds) for seconds in RETRY_SECONDS])
    return RetryPolicy(CONSUMER_ATTEMPTS, customized_backoff=pauses)
