"""Users, rights, virtual hosts, policies and definitions, as an operator sets them up."""

import json
from pathlib import Path

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker
from playwright.sync_api import Locator, expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen


def dialog(screen: Screen) -> Locator:
    return screen.tab.get_by_role("dialog")


def test_a_user_that_may_only_read_one_queue(screen: Screen, broker: EmbeddedBroker) -> None:
    screen.open("/users")
    screen.press("Add a user")
    dialog(screen).get_by_label("Name").fill("reader")
    dialog(screen).get_by_label("Password").fill("a secret")
    dialog(screen).get_by_role("button", name="Add").click()
    screen.shows("reader")
    screen.press("Set rights")
    dialog(screen).get_by_label("Read consume").fill("^invoices$")
    dialog(screen).get_by_role("button", name="Save").click()
    screen.field("Try a name").fill("invoices")
    expect(screen.tab.locator(".plain-table").first).to_contain_text("may")
    words = screen.tab.locator(".plain-table").first.locator(".tag").all_inner_texts()
    assert words == ["may not", "may not", "may"]

    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        for queue in ("invoices", "salaries"):
            connection.channel().queue_declare(queue, durable=True)
    address = pika.ConnectionParameters(
        "127.0.0.1", broker.ports["amqp"], credentials=pika.PlainCredentials("reader", "a secret")
    )
    with pika.BlockingConnection(address) as connection:
        assert connection.channel().basic_get("invoices") == (None, None, None)
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            connection.channel().basic_get("salaries")


def test_a_user_is_deleted_by_name(screen: Screen) -> None:
    screen.open("/users")
    screen.press("Add a user")
    dialog(screen).get_by_label("Name").fill("temp")
    dialog(screen).get_by_role("button", name="Add").click()
    screen.shows("temp")
    screen.press("Delete")
    expect(dialog(screen).get_by_role("button", name="Delete user")).to_be_disabled()
    dialog(screen).get_by_role("textbox").fill("temp")
    dialog(screen).get_by_role("button", name="Delete user").click()
    screen.shows("Users")
    expect(screen.row("temp")).to_have_count(0)


def test_a_virtual_host_with_limits(screen: Screen) -> None:
    screen.go_to("Virtual hosts")
    screen.press("Add a virtual host")
    dialog(screen).get_by_label("Name").fill("staging")
    dialog(screen).get_by_label("Description").fill("Try things here")
    dialog(screen).get_by_label("Protected from deletion").check()
    dialog(screen).get_by_role("button", name="Add").click()
    screen.shows("staging")
    screen.says("Try things here")
    expect(screen.tab.get_by_role("button", name="Delete", exact=True)).to_be_disabled()

    limits = screen.tab.locator(".card", has=screen.tab.get_by_role("heading", name="Limits"))
    limits.get_by_role("button", name="Change").click()
    dialog(screen).get_by_label("Queues").fill("3")
    dialog(screen).get_by_role("button", name="Save").click()
    expect(limits).to_contain_text("≤ 3")
    screen.go_to("Limits")
    screen.says("Queues ≤ 3")


def test_a_policy_says_what_it_matches_and_holds_at_once(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        for name in ("tmp.a", "tmp.b", "kept"):
            channel.queue_declare(name, durable=True)
    screen.go_to("Policies")
    screen.press("Add a policy")
    dialog(screen).get_by_label("Name").fill("short")
    dialog(screen).get_by_label("Pattern").fill("^tmp\\.")
    expect(dialog(screen)).to_contain_text("matches 2 queues and streams now")
    screen.press("+ max-length")
    dialog(screen).get_by_label("At most so many messages").fill("1")
    dialog(screen).get_by_role("button", name="Save").click()
    expect(screen.row("short")).to_contain_text("max-length")
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for name in ("tmp.a", "kept"):
            for body in (b"1", b"2"):
                channel.basic_publish("", name, body)
        counts = [
            channel.queue_declare(n, passive=True).method.message_count for n in ("tmp.a", "kept")
        ]
    assert counts == [1, 2]


def test_definitions_go_out_and_come_in(
    screen: Screen, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_declare("declared", durable=True)
    screen.go_to("Definitions")
    with screen.tab.expect_download() as download:
        screen.press("Download")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    document = json.loads(file.read_text())
    assert "declared" in [queue["name"] for queue in document["queues"]]

    document["queues"][0]["name"] = "imported"
    document["queues"] = document["queues"][:1]
    document.pop("users", None)
    file.write_text(json.dumps(document))
    screen.tab.get_by_label("Choose a file").set_input_files(file)
    screen.says("queues 1")
    screen.press("Import")
    screen.says("is imported")
    screen.go_to("Queues")
    expect(screen.row("imported")).to_be_visible()


def test_a_file_that_holds_no_definitions_is_refused(screen: Screen, tmp_path: Path) -> None:
    file = tmp_path / "letter.json"
    file.write_text("Dear Sir")
    screen.go_to("Definitions")
    screen.tab.get_by_label("Choose a file").set_input_files(file)
    screen.says("This is no JSON file of definitions.")
