"""What the modules of `api/` declare fits what the schema can read and write."""

import importlib

import pytest

from anymq.core.streams.group_calls import GroupError
from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import group_code

APIS = registry.load()

# Ship 1 of the design, and the single-node answers that tools need: taking one away breaks someone.
EXPECTED = {
    *(0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23),
    *(32, 33, 34, 35, 36, 37, 42, 43, 44, 45, 46, 47, 48, 50, 55, 60, 61, 74, 75),
}


def test_what_clients_rely_on_is_there() -> None:
    assert set(APIS) >= EXPECTED


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: str(api.name))
def test_every_version_that_we_offer_can_be_read_and_written(api: registry.Api) -> None:
    schema = importlib.import_module(api.decode_request.__module__)
    assert api.key == schema.KEY
    assert schema.MIN_VERSION <= api.versions[0] <= api.versions[-1] <= schema.MAX_VERSION


@pytest.mark.parametrize("error", GroupError)
def test_every_refusal_of_a_group_has_its_code(error: GroupError) -> None:
    assert group_code(error) is not ErrorCode.NONE
