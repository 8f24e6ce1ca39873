"""Tracing, the palette, and every page in both languages."""

import pika
import pytest
from playwright.sync_api import expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

PAGES = {
    "/messages": "消息",
    "/dead-letters": "死信",
    "/delayed": "延迟消息",
    "/jobs": "任务",
    "/trace": "追踪",
    "/topology": "拓扑",
    "/slow": "慢消费者",
    "/health": "健康状况",
    "/users": "用户",
    "/users/guest": "guest",
    "/vhosts": "虚拟主机",
    "/vhosts/%2F": "/",
    "/policies": "策略",
    "/limits": "限制",
    "/definitions": "定义",
    "/audit": "审计日志",
    "/http-api": "HTTP API",
}


def test_what_happened_to_a_message(screen: Screen, broker: EmbeddedBroker) -> None:
    screen.go_to("Tracing")
    screen.says("Nothing is traced")
    screen.tab.get_by_role("button", name="Start a trace").first.click()
    screen.tab.get_by_role("dialog").get_by_role("button", name="Start a trace").click()
    screen.says("Events appear here as messages move.")
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("followed")
        named = pika.BasicProperties(message_id="m-17")
        channel.basic_publish("", "followed", b"where do I go?", named)
        method, _, _ = channel.basic_get("followed")
        assert method is not None
        channel.basic_ack(method.delivery_tag)
    screen.field("Message, correlation or trace id").fill("m-17")
    screen.press("Search")
    story = screen.tab.locator(".story li")
    expect(story).to_have_count(3)
    for line, event in enumerate(("published", "delivered", "acknowledged")):
        expect(story.nth(line)).to_contain_text(event)
        expect(story.nth(line)).to_contain_text("followed")
    screen.says("where do I go?")
    screen.press("Stop")
    screen.tab.get_by_role("dialog").get_by_role("button", name="Stop").click()
    screen.says("Nothing is traced")


def test_the_palette_finds_a_queue_by_a_part_of_its_name(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_declare("orders/für später", durable=True)
    screen.tab.keyboard.press("Control+k")
    screen.tab.get_by_role("combobox", name="Search").fill("für")
    expect(screen.tab.get_by_role("option", name="orders/für später")).to_be_visible()
    screen.tab.keyboard.press("Enter")
    screen.shows("orders/für später")


def test_the_palette_goes_to_pages_by_keys_alone(screen: Screen) -> None:
    screen.tab.keyboard.press("Control+k")
    screen.tab.keyboard.type("vhost")
    screen.tab.get_by_role("combobox", name="Search").fill("Virtual h")
    expect(screen.tab.get_by_role("option").first).to_contain_text("Virtual hosts")
    screen.tab.keyboard.press("Enter")
    screen.shows("Virtual hosts")
    screen.tab.keyboard.press("Control+k")
    screen.tab.keyboard.press("Escape")
    expect(screen.tab.get_by_role("combobox", name="Search")).to_have_count(0)


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_every_page_is_there_in_chinese_and_in_the_dark(
    screen: Screen, path: str, title: str
) -> None:
    screen.press("Language")
    screen.press("中文")
    screen.press("主题")
    screen.press("深色")
    screen.open(path)
    screen.shows(title)
    expect(screen.tab.get_by_text("页面遇到了意外错误")).to_have_count(0)


def test_who_is_no_administrator_sees_no_administration(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    screen.open("/users")
    screen.press("Add a user")
    dialog = screen.tab.get_by_role("dialog")
    dialog.get_by_label("Name").fill("watcher")
    dialog.get_by_label("Password").fill("a secret")
    dialog.get_by_role("button", name="Add").click()
    screen.shows("watcher")
    screen.press("User")
    screen.press("Log out")
    screen.log_in("watcher", "a secret")
    screen.go_to("Topology")
    expect(screen.tab.locator("nav.side").get_by_title("Users")).to_have_count(0)
    screen.open("/trace")
    screen.says("Only administrators may trace")
