"""`anymq rabbitmqadmin`: as RabbitMQ's first, in Python; the words of its second are taken, too."""

import base64
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anymq.cli.api import Api, ApiRefused
from anymq.cli.api.rows import written_for
from anymq.cli.api.target import Target, target_of
from anymq.cli.errors import CommandFailed
from anymq.cli.operate.definitions import read_document, write_file
from anymq.cli.rabbitmq_tools import admin_objects as objects
from anymq.cli.rabbitmq_tools.admin_formats import written
from anymq.cli.rabbitmq_tools.admin_objects import Kind
from anymq.cli.rabbitmq_tools.admin_words import (
    WrongWords,
    arguments_of,
    columns_of,
    command_of,
    split,
)

HOST = "localhost"
STREAM_ARGUMENTS = {
    "expiration": "x-max-age",
    "max_length_bytes": "x-max-length-bytes",
    "max_segment_length_bytes": "x-stream-max-segment-size-bytes",
}


def main(tool: str, words: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    try:
        options, rest = split(words)
        if options.version:
            print("rabbitmqadmin 3.10.8, of anymq")
            return 0
        if options.help or rest[:1] == ["help"]:
            print(HELP)
            return 0
        if not rest:
            raise WrongWords("Action not specified")
        verb, kind, arguments = command_of(rest)
        if verb not in VERBS:
            raise WrongWords(f"Action {verb} not understood")
        with Api(_target(options), options.timeout) as api:
            VERBS[verb](Admin(api, options), kind, arguments)
    except WrongWords as error:
        print(f"\nERROR: {error}\n\n{tool} --help for help\n", file=sys.stderr)
        return 1
    except CommandFailed as error:
        print(f"*** {error}\n", file=sys.stderr)
        return 1
    return 0


def completions(tool: str) -> dict[str, str]:
    """Return the words that may follow."""
    return dict.fromkeys(VERBS, "")


def _target(options: Any) -> Target:
    """Where to: the options, over a file in RabbitMQ's form, over our own environment."""
    said = _from_file(options)
    for key, value in vars(options).items():
        if value not in (None, False):
            said[key] = value
    url = options.base_uri
    if url is None and any(said.get(key) for key in ("host", "port", "tls")):
        scheme, usual = ("https", 15671) if said.get("tls") else ("http", 15672)
        url = f"{scheme}://{said.get('host') or HOST}:{said.get('port') or usual}"
        url += str(said.get("path_prefix", ""))
    flags = {"url": url, "user": said.get("username")}
    flags |= {key: said.get(key) for key in ("tls_ca", "tls_certificate", "tls_key")}
    flags["tls_insecure"] = said.get("tls_insecure")
    environment = dict(os.environ)
    if (password := said.get("password")) is not None:
        environment["ANYMQ_PASSWORD"] = str(password)
    return target_of(flags, environment)


def _from_file(options: Any) -> dict[str, Any]:
    """Read ~/.rabbitmqadmin.conf, if somebody has one."""
    from configparser import ConfigParser
    from configparser import Error as BadFile

    path = options.config or os.path.expanduser("~/.rabbitmqadmin.conf")
    if not os.path.isfile(path):
        if options.config:
            raise WrongWords(f"Could not read config file '{path}'")
        return {}
    file = ConfigParser(interpolation=None)
    try:
        file.read(path)
        section = dict(file.items(options.node or "default"))
    except BadFile as error:
        if options.node is None:
            return {}
        raise WrongWords(f"Could not read config file '{path}': {error}") from None
    return {_KEYS.get(key, key): _setting(value) for key, value in section.items()}


_KEYS = {
    "hostname": "host",
    "ssl": "tls",
    "ssl_key_file": "tls_key",
    "ssl_cert_file": "tls_certificate",
    "ssl_ca_cert_file": "tls_ca",
    "ssl_insecure": "tls_insecure",
}


def _setting(value: str) -> object:
    return value == "True" if value in ("True", "False") else value


@dataclass(frozen=True, slots=True)
class Admin:
    """The API, and how it is to be used."""

    api: Api
    options: Any

    def say(self, text: str) -> None:
        """Say that something is done, where that is wanted."""
        if not self.options.quiet:
            print(text)

    def rows(self, rows: Sequence[Any], columns: Sequence[str]) -> None:
        """Write a list as it is wanted."""
        form, depth = self.options.format, self.options.depth
        if not rows and "json" not in form:
            self.say("No items")
            return
        for line in written(rows, columns, form, depth, objects.SHOWN_AS_JSON):
            print(written_for(sys.stdout, line))

    def usual(self, columns: Sequence[str], said: Sequence[str]) -> Sequence[str]:
        """Return the columns that are said, or the usual ones where nobody says otherwise."""
        plain = self.options.depth == 1 and "json" not in self.options.format
        return said or (columns if plain else ())


def _ask(admin: Admin, method: str, path: tuple[str, ...], **more: Any) -> Any:
    """Ask, and say a refusal as rabbitmqadmin does."""
    try:
        return admin.api.ask(method, path, **more)
    except ApiRefused as refused:
        shown = "/api/" + "/".join(path)
        if refused.not_there:
            raise CommandFailed(f"Not found: {shown}") from None
        if refused.status == 401:
            raise CommandFailed(f"Access refused: {shown}") from None
        raise


# --- looking -------------------------------------------------------------------------------


def _list(admin: Admin, kind: str, words: Sequence[str]) -> None:
    if kind not in objects.LISTABLE:
        raise WrongWords(f"Don't know how to list {kind}")
    by_vhost, usual = objects.LISTABLE[kind]
    columns = admin.usual(usual, columns_of(words))
    vhost = (admin.options.vhost,) if by_vhost and admin.options.vhost else ()
    query = {
        "columns": ",".join(columns) or None,
        "sort": admin.options.sort,
        "sort_reverse": admin.options.sort_reverse or None,
    }
    rows = _ask(admin, "GET", (kind.replace("_", "-"), *vhost), query=query)
    admin.rows(rows, columns)


def _show(admin: Admin, kind: str, words: Sequence[str]) -> None:
    if kind == "overview":
        columns = admin.usual(objects.OVERVIEW, columns_of(words))
        query = {"columns": ",".join(columns) or None}
        admin.rows([_ask(admin, "GET", ("overview",), query=query)], columns)
        return
    if kind not in objects.DELETABLE:
        raise WrongWords(f"Don't know how to show {kind}")
    said = arguments_of(words)
    columns = [each for each in said.pop("columns", "").split(",") if each]
    path, _ = _parsed(admin, objects.DELETABLE[kind], said)
    admin.rows([_ask(admin, "GET", path)], columns)


def _health(admin: Admin, kind: str, words: Sequence[str]) -> None:
    said = arguments_of(words)
    path = ("health", "checks", kind.replace("_", "-"), *said.values())
    _ask(admin, "GET", path)
    admin.say("health check passed")


# --- doing ---------------------------------------------------------------------------------


def _declare(admin: Admin, kind: str, words: Sequence[str]) -> None:
    path, body = _of(admin, objects.DECLARABLE, kind, _typed(kind, arguments_of(words)))
    _ask(admin, "POST" if kind == "binding" else "PUT", path, body=_fixed(kind, body))
    admin.say(f"{kind} declared")


def _typed(kind: str, said: dict[str, str]) -> dict[str, str]:
    """The second rabbitmqadmin calls the type of a queue --type."""
    if kind == "queue" and "type" in said:
        return {**{key: said[key] for key in said if key != "type"}, "queue_type": said["type"]}
    return said


def _fixed(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Write what has a name of its own as an argument."""
    arguments = dict(body.get("arguments") or {})
    if kind == "queue" and "queue_type" in body:
        arguments["x-queue-type"] = body.pop("queue_type")
    if kind == "stream":
        arguments["x-queue-type"] = "stream"
        for name, argument in STREAM_ARGUMENTS.items():
            if name in body:
                value = body.pop(name)
                arguments[argument] = int(value) if value.isdecimal() else value
        body["durable"] = "true"
    return {**body, "arguments": arguments} if arguments else body


def _delete(admin: Admin, kind: str, words: Sequence[str]) -> None:
    said = arguments_of(words)
    content = said.pop("idempotently", None)
    path, body = _of(admin, objects.DELETABLE, kind, said)
    if kind == "binding" and "routing_key" in body:
        path = (*path[:-1], _properties_key(admin, path[:-1], body))
    try:
        admin.api.ask("DELETE", path)
    except ApiRefused as refused:
        if not (content and refused.not_there):
            _ask(admin, "DELETE", path)  # to say it in its words
    admin.say(f"{kind} deleted")


def _properties_key(admin: Admin, path: tuple[str, ...], body: Mapping[str, Any]) -> str:
    """Find the binding with this key and these arguments."""
    for row in _ask(admin, "GET", path):
        same_key = row["routing_key"] == body["routing_key"]
        if same_key and row["arguments"] == (body.get("arguments") or {}):
            return str(row["properties_key"])
    raise CommandFailed("Not found: there is no such binding")


def _close(admin: Admin, kind: str, words: Sequence[str]) -> None:
    path, _ = _of(admin, objects.CLOSABLE, kind, arguments_of(words))
    _ask(admin, "DELETE", path)
    admin.say(f"{kind} closed")


def _purge(admin: Admin, kind: str, words: Sequence[str]) -> None:
    path, _ = _of(admin, objects.PURGABLE, kind, arguments_of(words))
    _ask(admin, "DELETE", path)
    admin.say(f"{kind} purged")


def _publish(admin: Admin, _: str, words: Sequence[str]) -> None:
    path, body = _parsed(admin, objects.PUBLISH, arguments_of(words))
    if "payload" not in body:
        body["payload"] = base64.b64encode(sys.stdin.buffer.read()).decode()
        body["payload_encoding"] = "base64"
    routed = _ask(admin, "POST", path, body=body)["routed"]
    admin.say("Message published" if routed else "Message published but NOT routed")


def _get(admin: Admin, _: str, words: Sequence[str]) -> None:
    path, body = _parsed(admin, objects.GET, arguments_of(words))
    target = body.pop("payload_file", None)
    if target and body["count"] != "1":
        raise WrongWords("Cannot get multiple messages using payload_file")
    found = _ask(admin, "POST", path, body=body)
    if not target or not found:
        admin.rows(found, ())
        return
    payload, is_text = found[0]["payload"], found[0]["payload_encoding"] == "string"
    write_file(target, payload.encode() if is_text else base64.b64decode(payload))
    columns = ("routing_key", "exchange", "message_count", "payload_bytes", "redelivered")
    admin.rows(found, columns)


# --- definitions ---------------------------------------------------------------------------


def _file(words: Sequence[str]) -> str:
    if len(words) == 1 and not words[0].startswith("--"):
        return words[0]
    said = arguments_of(words)
    if "stdout" in said or "stdin" in said:
        return "-"
    if "file" not in said:
        raise WrongWords("Exactly one argument required")
    return said["file"]


def _definitions(admin: Admin) -> tuple[str, ...]:
    return ("definitions", admin.options.vhost) if admin.options.vhost else ("definitions",)


def _export(admin: Admin, _: str, words: Sequence[str]) -> None:
    path = _file(words)
    write_file(path, json.dumps(_ask(admin, "GET", _definitions(admin))).encode())
    if path != "-":
        admin.say(f'Exported definitions for {admin.api.target.host} to "{path}"')


def _import(admin: Admin, _: str, words: Sequence[str]) -> None:
    path = _file(words)
    _ask(admin, "POST", _definitions(admin), body=read_document(path))
    later = "The import process may take some time. Consult server logs to track progress."
    admin.say(f'Uploaded definitions from "{admin.api.target.host}" to {path}. {later}')


# --- arguments -----------------------------------------------------------------------------


def _of(
    admin: Admin, kinds: Mapping[str, Kind], kind: str, said: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    if not kind:
        raise WrongWords("Type not specified")
    if kind not in kinds:
        raise WrongWords(f"Type {kind} not recognised")
    return _parsed(admin, kinds[kind], said)


def _parsed(
    admin: Admin, kind: Kind, said: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the path and the body."""
    body: dict[str, Any] = {k: v for k, v in kind.optional.items() if v is not None}
    vhost = admin.options.vhost or "/"
    if "vhost" in kind.known:
        body["vhost"] = vhost
    for name, value in said.items():
        if name not in kind.known and name != "vhost":
            raise WrongWords(f'Argument "{name}" is not recognised')
        body[name] = _json(value) if name in kind.as_json else value
    _check_mandatory(kind, body)
    body.setdefault("vhost", vhost)
    names = {**body, "destination_char": str(body.get("destination_type", "q"))[:1]}
    path = tuple(names[one[1:-1]] if one.startswith("{") else one for one in kind.path)
    return path, body


def _check_mandatory(kind: Kind, body: Mapping[str, Any]) -> None:
    for each in kind.mandatory:
        if isinstance(each, str):
            if each not in body:
                raise WrongWords(f'mandatory argument "{each}" is required')
        elif not any(one in body for one in each):
            raise WrongWords(f'one of mandatory arguments "{list(each)}" is required')


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise CommandFailed(f"Could not parse JSON:\n  {text}") from None


VERBS: Mapping[str, Callable[[Admin, str, Sequence[str]], None]] = {
    "list": _list,
    "show": _show,
    "declare": _declare,
    "delete": _delete,
    "close": _close,
    "purge": _purge,
    "publish": _publish,
    "get": _get,
    "export": _export,
    "import": _import,
    "health_check": _health,
}
HELP = f"""\
usage: rabbitmqadmin [options] subcommand

  list OBJECTS [<column>...]         {", ".join(objects.LISTABLE)}
  show overview [<column>...]
  declare|delete OBJECT name=value   {", ".join(objects.DECLARABLE)}
  close connection name=...
  purge queue name=...
  publish routing_key=... [exchange=...] [payload=...] [properties=...] [payload_encoding=...]
  get queue=... [count=...] [ackmode=...] [payload_file=...] [encoding=...]
  export <file>, import <file>
  health_check <name>

The words of the second rabbitmqadmin are taken, too: queues declare --name q --type quorum.

options: -H HOST, -P PORT, -V VHOST, -u USER, -p PASSWORD, -U URI, -f FORMAT, -S SORT, -R, -d DEPTH,
  -q, -s (TLS), -k, -t SECONDS, -c FILE, -N NODE, --path-prefix, --ssl-ca-cert-file, --version"""
