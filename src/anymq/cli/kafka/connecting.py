"""The flags that say which broker, and how to get in; the same for all tools."""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.address import DEFAULT_SERVERS, parse_addresses
from anymq.cli.kafka.cluster import CLIENT_ID, Cluster
from anymq.cli.kafka.properties import load_properties
from anymq.cli.kafka.security import MECHANISMS, Login, Tls, security_from

PASSWORD_VARIABLE = "ANYMQ_PASSWORD"
GROUP_TITLE = "which broker"


def add_connection_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them, in our own words."""
    group = parser.add_argument_group(GROUP_TITLE)
    add = group.add_argument
    add(
        "--bootstrap-server",
        "-b",
        default=DEFAULT_SERVERS,
        metavar="HOST:PORT",
        help=f"where it is, or several with commas; default: {DEFAULT_SERVERS}",
    )
    add(
        "--user", metavar="NAME", help=f"log in; the password is asked for, or ${PASSWORD_VARIABLE}"
    )
    add("--mechanism", choices=MECHANISMS, default=MECHANISMS[1], help="how; default: %(default)s")
    add("--tls", action="store_true", help="encrypt")
    add("--tls-ca", metavar="FILE", help="whom to trust, in PEM; default: whom this system trusts")
    add("--tls-certificate", metavar="FILE", help="what to show, in PEM")
    add("--tls-key", metavar="FILE", help="its key, if that is another file")
    add("--tls-insecure", action="store_true", help="encrypt, and trust anybody")
    add("--command-config", metavar="FILE", help="properties as Kafka's tools take them")


def connect(arguments: argparse.Namespace) -> Cluster:
    """Make what talks to the broker; the first request connects."""
    properties = load_properties(arguments.command_config) if arguments.command_config else {}
    security = security_from(properties)
    if arguments.tls or arguments.tls_ca or arguments.tls_insecure or arguments.tls_certificate:
        tls = Tls(
            authorities_file=arguments.tls_ca,
            certificate_file=arguments.tls_certificate,
            key_file=arguments.tls_key,
            verify=not arguments.tls_insecure,
        )
        security = replace(security, tls=tls)
    if arguments.user:
        login = Login(arguments.mechanism, arguments.user, _password(arguments.user))
        security = replace(security, login=login)
    return Cluster(parse_addresses(arguments.bootstrap_server), security)


def connect_with(servers: str, properties: Mapping[str, str]) -> Cluster:
    """The same from properties alone: what Kafka's own tools go by."""
    client_id = properties.get("client.id", CLIENT_ID)
    return Cluster(parse_addresses(servers), security_from(properties), client_id)


def _password(user: str) -> str:
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        return password
    if not sys.stdin.isatty():
        raise CommandFailed(f"no password: set {PASSWORD_VARIABLE}, or use --command-config")
    import getpass  # rarely needed

    return getpass.getpass(f"password of {user}: ")
