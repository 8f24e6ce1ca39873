"""The settings of transactional messages: RocketMQ's half messages."""

from dataclasses import dataclass

from anymq.config.declare import setting
from anymq.config.units import DAY_MS, SECOND_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactions:
    """When senders of half messages are asked whether they commit, and for how long."""

    check_after_ms: int = setting(
        6 * SECOND_MS,
        "A sender is asked so long after its half message came, unless the message says otherwise"
        " (CHECK_IMMUNITY_TIME_IN_SECONDS).",
        at_least=0,
        live=True,
    )
    check_interval_ms: int = setting(
        30 * SECOND_MS, "And then so often, until it decides.", at_least=10, live=True
    )
    checks_max: int = setting(
        15,
        "After so many questions without a decision the message goes to TRANS_CHECK_MAX_TIME_TOPIC."
        " Questions that nobody was there to hear do not count.",
        at_least=1,
        live=True,
    )
    age_ms_max: int = setting(
        3 * DAY_MS,
        "So does one that is older, whether anybody was asked or not.",
        at_least=1000,
        live=True,
    )
    open_max: int = setting(
        100_000,
        "How many half messages may wait; more are refused. Each takes some 600 bytes of memory.",
        at_least=1,
        live=True,
    )
