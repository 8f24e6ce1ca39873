"""The command line and the output of RabbitMQ's tools, where it is easily got wrong."""

import pytest

from anymq.cli.rabbitmq_tools.admin_words import WrongWords, arguments_of, command_of
from anymq.cli.rabbitmq_tools.call import BadUsage
from anymq.cli.rabbitmq_tools.formats import Address, Protocol, Tags, formatted, item
from anymq.cli.rabbitmq_tools.front import commands
from anymq.cli.rabbitmq_tools.words import parse


@pytest.mark.parametrize(
    ("line", "words", "options"),
    [
        ("name -p v", ["name"], {"vhost": "v"}),
        ("--vhost=v name", ["name"], {"vhost": "v"}),
        ("-q --no-table-headers", [], {"quiet": True, "table_headers": False}),
        ("--table-headers=false", [], {"table_headers": False}),
        ("-t 5", [], {"timeout": 5.0}),
        ("-t infinity", [], {"timeout": float("inf")}),
        ("a -- -p -x", ["a", "-p", "-x"], {}),
        ("-", ["-"], {}),
        ("-1", ["-1"], {}),
        ("-e q", ["q"], {"if_empty": True}),
    ],
)
def test_options_stand_anywhere(line: str, words: list[str], options: dict[str, object]) -> None:
    assert parse(line.split(), {"if_empty": "boolean"}, {"e": "if_empty"}) == (words, options)


@pytest.mark.parametrize("line", ["-x", "--nope", "-p", "-t soon", "--no-vhost"])
def test_what_is_no_option_is_said(line: str) -> None:
    with pytest.raises(BadUsage, match="Invalid options"):
        parse(line.split(), {}, {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (1.5, "1.5"),
        ("a b", "a b"),
        ([], "[]"),
        ({}, "[]"),
        (Tags(["a", "b"]), "[a, b]"),
        ({"k": 1, "s": 'a"b'}, '[{"k",1},{"s","a\\"b"}]'),
        ({"t": {"x": True}, "l": [1, "a"]}, '[{"t",[{"x",true}]},{"l",[1,"a"]}]'),
        (Protocol("AMQP 0-9-1"), "{0,9,1}"),
        (Protocol("Kafka"), "Kafka"),
    ],
)
def test_cells_are_terms_of_erlang(value: object, text: str) -> None:
    assert item(value) == text


def test_json_has_arguments_with_their_types() -> None:
    row = {
        "arguments": {"a": 1, "b": 1 << 40, "c": [True], "d": {"e": None}},
        "host": Address("127.0.0.1"),
        "protocol": Protocol("AMQP 0-9-1"),
    }
    assert formatted("json", ("arguments", "host", "protocol"), [row], heads=True).split("\n") == [
        "[",
        '{"arguments":[["a","signedint",1],["b","long",1099511627776],'
        '["c","array",[["bool",true]]],["d","table",[["e","void","undefined"]]]],'
        '"host":[127,0,0,1],"protocol":[0,9,1]}',
        "]",
    ]


def test_every_command_that_people_script_is_there() -> None:
    named = """
        add_user delete_user change_password set_user_tags authenticate_user list_users add_vhost
        delete_vhost list_vhosts set_permissions clear_permissions list_permissions
        list_user_permissions set_topic_permissions clear_topic_permissions list_topic_permissions
        set_policy clear_policy list_policies set_operator_policy clear_operator_policy
        list_operator_policies set_parameter clear_parameter list_parameters set_global_parameter
        clear_global_parameter list_global_parameters set_vhost_limits clear_vhost_limits
        list_vhost_limits set_user_limits clear_user_limits list_user_limits list_queues
        list_exchanges list_bindings list_connections list_stomp_connections list_mqtt_connections
        list_channels list_consumers delete_queue
        purge_queue close_connection close_all_connections export_definitions import_definitions
        status cluster_status ping await_startup list_feature_flags enable_feature_flag
        set_cluster_name set_vm_memory_high_watermark set_disk_free_limit trace_on trace_off
        rotate_logs environment report check_running check_local_alarms check_port_connectivity
        check_virtual_hosts listeners memory_breakdown alarms is_running server_version
    """
    known = commands()
    assert not [name for name in named.split() if name not in known]
    assert all(command.about for command in known.values())


@pytest.mark.parametrize(
    ("line", "verb", "kind", "rest"),
    [
        ("declare queue name=q", "declare", "queue", ["name=q"]),
        ("queues declare --name q", "declare", "queue", ["--name", "q"]),
        ("queues list", "list", "queues", []),
        ("vhost-limits declare --name x", "declare", "vhost_limit", ["--name", "x"]),
        ("definitions export --stdout", "export", "", ["--stdout"]),
        ("get messages --queue q", "get", "", ["--queue", "q"]),
        ("publish message -k", "publish", "", ["-k"]),
    ],
)
def test_both_orders_of_words(line: str, verb: str, kind: str, rest: list[str]) -> None:
    assert command_of(line.split()) == (verb, kind, rest)


def test_arguments_come_in_both_forms() -> None:
    assert arguments_of(["name=a=b", "--routing-key", "k", "--apply-to=all", "--stdout"]) == {
        "name": "a=b",
        "routing_key": "k",
        "apply-to": "all",
        "stdout": "true",
    }
    with pytest.raises(WrongWords, match="name=value"):
        arguments_of(["name"])
    with pytest.raises(WrongWords, match="needs a value"):
        arguments_of(["--name"])
