"""A first client of MQTT: how to connect it, then what there is to see of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import client
from tests.page.screen import Screen


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    settings = {"mqtt": {"port": 0}}
    with EmbeddedBroker(tmp_path_factory.mktemp("data"), settings=settings) as broker:
        yield broker


def test_a_first_client(screen: Screen, broker: EmbeddedBroker) -> None:
    """From nobody, by the example, to a connection that somebody closes."""
    screen.go_to("Connections")
    screen.says("Nobody is connected")
    screen.tab.get_by_text("MQTT · Python", exact=True).click()
    screen.says(f"port={broker.ports['mqtt']}")

    with client("thermometer", broker.ports["mqtt"]) as one:
        one.subscribe("a/#", 1)
        screen.row("thermometer").click()
        screen.shows("thermometer")
        screen.says("MQTT 5-0")
        expect(screen.figure("Subscriptions")).to_have_text("1")
        screen.press("Close the connection")
        screen.tab.get_by_role("dialog").get_by_role("button", name="Close the connection").click()
        screen.says("The connection was closed.")
