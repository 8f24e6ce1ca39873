"""Suites that are in packages, quick, and need nothing of their own: in every run of the tests."""

import pytest

from tests.peers.choose import chosen_amqp_server
from tests.suites import amqp_clients
from tests.suites.pytest_suite import SuiteUnavailable


@pytest.mark.timeout(300)
@pytest.mark.parametrize("suite", [amqp_clients.run_py_amqp, amqp_clients.run_kombu])
def test_a_suite_of_others_passes(suite: amqp_clients.Suite) -> None:
    with chosen_amqp_server("anymq") as server:
        try:
            result = suite(server.amqp_port, f"{server.name} {server.version}")
        except SuiteUnavailable as reason:
            pytest.skip(str(reason))
    assert [case for case in result.cases if case.outcome == "failed"] == []
    assert result.count("passed") > 40
