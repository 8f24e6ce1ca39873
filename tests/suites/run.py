"""Run other people's suites: `./dev suites [--broker PEER] [SUITE ...]`, results in docs."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.peers import choose
from tests.peers.anymq import Value
from tests.peers.maven import PeerUnavailable
from tests.suites import (
    amqp_clients,
    confluent_kafka,
    java_tools,
    kafka_python,
    mqtt_interoperability,
    own_tools,
    rocketmq_clients,
    rocketmq_e2e,
    stomp_clients,
)
from tests.suites.pytest_suite import SuiteUnavailable
from tests.suites.result import Result, load, markdown

Suite = Callable[[str, str], Result]
ROOT = Path(__file__).parents[2]
SUITES: dict[str, Suite] = {
    java_tools.NAME: java_tools.run_on,
    own_tools.NAME: own_tools.run_on,
    kafka_python.NAME: kafka_python.run_on,
    confluent_kafka.NAME: confluent_kafka.run_on,
}
# Each starts the broker that it wants, ours.
OWN_BROKERS: dict[str, Callable[[], Result]] = {
    mqtt_interoperability.NAME: mqtt_interoperability.run,
    **stomp_clients.SUITES,
}
# Each starts the broker that it is told: ours, or Apache RocketMQ.
ROCKETMQ = {**rocketmq_clients.SUITES, **rocketmq_e2e.SUITES}
ALL = [*SUITES, *amqp_clients.SUITES, *OWN_BROKERS, *ROCKETMQ]
RESULTS = Path(__file__).with_name("results")
DOCUMENT = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- suites: begin, made by ./dev suites --write -->", "<!-- suites: end -->"

# What the suites take for granted of the broker they are given.
SETTINGS: dict[str, Value] = {
    "server.node_id": 0,
    "topics.partitions": 4,
    "groups.session_ms_min": 1000,
}
KAFKA_SETTINGS = {
    "node.id": "0",
    "num.partitions": "4",
    "group.min.session.timeout.ms": "1000",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "super.users": "User:ANONYMOUS",
}


def main() -> int:
    """Run what was asked for; the exit status says whether anything failed without a reason."""
    arguments = parse()
    if arguments.write:
        write_document()
    failed = 0
    for name in [] if arguments.write else arguments.suites or ALL:
        result = run_suite(name, arguments.broker, arguments.bootstrap)
        if result is not None:
            result.write(RESULTS)
            show(result)
            failed += result.count("failed")
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(prog="./dev suites", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(ALL)}")
    parser.add_argument(
        "--broker", choices=["anymq", "kafka", "rabbitmq", "rocketmq"], default=choose.PEER
    )
    parser.add_argument("--bootstrap", help="a broker that runs already, instead of a new one")
    parser.add_argument(
        "--write", action="store_true", help="only bring docs/conformance.md up to date"
    )
    return parser.parse_args()


def run_suite(name: str, broker: str, bootstrap: str | None) -> Result | None:
    """A new broker for each suite; None, and a line that says so, where it cannot run."""
    os.environ["ANYMQ_PEER"] = choose.PEER = broker
    if name in OWN_BROKERS:
        return run_own(name, broker)
    if name in ROCKETMQ:
        return run_rocketmq(name, broker)
    if broker not in ("anymq", "rabbitmq" if name in amqp_clients.SUITES else "kafka"):
        return None
    try:
        if name in amqp_clients.SUITES:
            return run_amqp_suite(name, broker)
        if bootstrap:
            return SUITES[name](bootstrap, broker)
        with choose.chosen_server(SETTINGS, KAFKA_SETTINGS) as server:
            return SUITES[name](server.bootstrap, f"{server.name} {server.version}")
    except (SuiteUnavailable, PeerUnavailable) as reason:
        print(f"skipped {name}: {reason}", flush=True)
        return None


def run_own(name: str, broker: str) -> Result | None:
    """One that starts its brokers, ours, itself."""
    try:
        return OWN_BROKERS[name]() if broker == "anymq" else None
    except SuiteUnavailable as reason:
        print(f"skipped {name}: {reason}", flush=True)
        return None


def run_rocketmq(name: str, broker: str) -> Result | None:
    """One of RocketMQ's, where there is Maven."""
    if broker not in ("anymq", "rocketmq"):
        return None
    try:
        return ROCKETMQ[name](broker)
    except (SuiteUnavailable, PeerUnavailable) as reason:
        print(f"skipped {name}: {reason}", flush=True)
        return None


def run_amqp_suite(name: str, broker: str) -> Result:
    """The same with a broker that speaks AMQP."""
    with choose.chosen_amqp_server(broker) as server:
        suite = amqp_clients.SUITES[name]
        return suite(server.amqp_port, f"{server.name} {server.version}")


def show(result: Result) -> None:
    """The failures and the sum."""
    for case in result.cases:
        if case.outcome == "failed":
            print(f"  {case.name}: {case.detail}")
    print(result.summary(), flush=True)


def write_document() -> None:
    """Put the table of the last results between its two marks."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{markdown(load(RESULTS))}{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
