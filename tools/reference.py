"""Writes docs/reference/ from what the code declares. With --check, only says whether it would.

`./dev docs` runs it; `./dev check` runs it with --check.
"""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType

from tools.across_reference import across_page
from tools.api_reference import http_api_page
from tools.commands_reference import commands_page
from tools.rocketmq_reference import rocketmq_requests_page

from anymq.config.declare import Declared
from anymq.config.model import SECTIONS, declared
from anymq.core.streams.config_def import ConfigDef
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.management import metrics, object_metrics
from anymq.observability.metrics import DECLARED, Metric
from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.schema import generated

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Made by ./dev docs from {source}: change it there. -->\n"


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page is stale")
    only_check = parser.parse_args().check
    pages = {
        "settings.md": settings_page(),
        "topic-configs.md": topic_configs_page(),
        "metrics.md": metrics_page(),
        "commands.md": commands_page(),
        "kafka-requests.md": kafka_requests_page(),
        "rocketmq-requests.md": rocketmq_requests_page(),
        "http-api.md": http_api_page(),
        "../protocols/across.md": across_page(),
    }
    stale = [name for name, content in pages.items() if read(name) != content]
    if not only_check:
        for name in stale:
            (REFERENCE / name).write_text(pages[name])
    for name in stale:
        print(f"docs/reference/{name} {'is stale: ./dev docs' if only_check else 'written'}")
    print(f"{len(pages) - len(stale)} of {len(pages)} pages were fresh")
    return 1 if stale and only_check else 0


def read(name: str) -> str:
    """Return a page as it is now."""
    path = REFERENCE / name
    return path.read_text() if path.exists() else ""


def settings_page() -> str:
    """Describe every setting."""
    return "\n".join(_settings_lines())


def _settings_lines() -> Iterator[str]:
    yield NOTE.format(source="src/anymq/config/model.py")
    yield SETTINGS_HEAD
    for section, settings in groupby(declared(), lambda each: each.section):
        yield f"## [{section}]\n\n{SECTIONS[section].__doc__}\n"
        for each in settings:
            yield _setting(each)
    yield USERS_TAIL


def _setting(each: Declared) -> str:
    lines = [f"### `{each.key}`\n", f"{each.help}\n"]
    lines.append(f"- default: `{each.show(each.default)}` ({each.kind}{_range(each)})")
    lines.append(f"- elsewhere: `{each.variable}`, `{each.flag}`")
    lines += ["- changes while the broker runs (SIGHUP)\n"] if each.live else [""]
    return "\n".join(lines)


def _range(each: Declared) -> str:
    low = f", at least `{each.show(each.at_least)}`" if each.at_least is not None else ""
    high = f", at most `{each.show(each.at_most)}`" if each.at_most is not None else ""
    return low + high


def topic_configs_page() -> str:
    """Describe every config of a topic."""
    shown = [config for config in TOPIC_CONFIGS.values() if not config.hidden]
    head = NOTE.format(source="src/anymq/core/streams/topic_configs.py") + TOPIC_CONFIGS_HEAD
    return head + "\n".join(_topic_config(config) for config in shown)


def _topic_config(config: ConfigDef) -> str:
    limits = f"; {config.valid.text}" if config.valid is not None else ""
    lines = [f"## `{config.name}`\n", f"{config.doc}\n"]
    lines.append(f"- default: `{config.default or ' '}` ({config.type.name.lower()}{limits})")
    if config.synonyms:
        names = ", ".join(f"`{synonym.name}`" for synonym in config.synonyms)
        lines.append(f"- for the whole broker: {names}")
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Describe every metric."""
    head = NOTE.format(source=f"src/{metrics.__name__.replace('.', '/')}.py, …_metrics.py")
    parts = [
        head + METRICS_HEAD + _metrics_but(("rabbitmq_", "kafka_")),
        RABBITMQ_METRICS_HEAD + _metrics_but(("anymq_", "process_", "kafka_")),
        KAFKA_METRICS_HEAD + _metrics_but(("anymq_", "process_", "rabbitmq_")),
        OBJECT_METRICS_HEAD + "\n".join(_family(name) for name in object_metrics.FAMILIES) + "\n",
    ]
    return "\n".join(parts)


def _metrics_but(others: tuple[str, ...]) -> str:
    rows = [_metric(each) for each in DECLARED.values() if not each.name.startswith(others)]
    return TABLE_HEAD + "\n".join(rows) + "\n"


def _family(name: str) -> str:
    family = object_metrics.FAMILIES[name]
    labels = ", ".join(f"`{label}`" for label in family.labels)
    series = [one.name for one in family.series] or [one.name for one in family.metrics]
    shown = ", ".join(f"`{one}`" for one in series)
    return f"| `{name}` | {labels} | {family.about} {shown} |"


def _metric(each: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in each.labels)
    return f"| `{each.name}` | {each.kind} | {labels} | {each.help} |"


def kafka_requests_page() -> str:
    """List every request of Kafka's clients: in which versions it is answered, or not at all."""
    offered = registry.load()
    missing = sorted(
        (schema.KEY, _name_of(schema))
        for schema in _schemas_of_kafka()
        if schema.KEY not in offered
    )
    head = NOTE.format(source="src/anymq/protocols/kafka/api") + KAFKA_REQUESTS_HEAD
    rows = "\n".join(_request(api) for api in offered.values())
    tail = "\n".join(f"| {key} | {name} |" for key, name in missing)
    return head + rows + "\n" + KAFKA_MISSING_HEAD + tail + "\n"


def _request(api: registry.Api) -> str:
    first_line = (sys.modules[api.handle.__module__].__doc__ or "").strip().splitlines()[0]
    what = first_line.partition(": ")[2] or first_line
    first, last = api.versions[0], api.versions[-1]
    versions = f"{first} to {last}" if first < last else str(first)
    return f"| {api.key} | {api.name} | {versions} | {what.rstrip('.')} |"


def _schemas_of_kafka() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(generated.__path__):
        yield importlib.import_module(f"{generated.__name__}.{info.name}")


def _name_of(schema: ModuleType) -> str:
    return "".join(map(str.capitalize, schema.__name__.rpartition(".")[2].split("_")))


SETTINGS_HEAD = """\
# Settings

A setting comes from a TOML file (`anymq serve --config FILE`, or `ANYMQ_CONFIG`), over that from
the environment, over that from a flag. Sizes are written as `"64MiB"`, times as `"7d"`, `"1.5s"`
or `"250ms"`; a number without a unit is bytes or milliseconds. In a variable or flag, words of a
list are separated by commas. A name that does not exist is an error, not a surprise later.

```toml
[kafka]
port = 9093

[storage]
durability = "commit"
segment_bytes = "64MiB"
```
"""

TOPIC_CONFIGS_HEAD = """
# Topic configs

What one topic can be told when it is made or later, by Kafka's tools and clients under Kafka's
names (`kafka-configs --alter --entity-type topics`). A change holds at once. All of Kafka's are
accepted, kept and shown; where one has no effect here, its text says so. A broker-wide default is a
config of the broker (`--entity-type brokers`), and can be changed while it runs.

"""

USERS_TAIL = """\
## [users]

Who may log in, by name: a password, or a list of SCRAM verifiers, from which nobody learns the
password (`anymq verifier NAME` makes them). Only in the file, so that no password is seen in a list
of processes.

```toml
[users]
ada = "a password"
bob = ["SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>"]
```
"""

METRICS_HEAD = """
# Metrics

At `http://127.0.0.1:15672/metrics`, in the text format of Prometheus. Counters grow from the start
of the process: look at them with `rate()`. A label's value may be a name that clients chose.

Many are there under two or three names: ours, and those that RabbitMQ's and Kafka's users know.
[How to watch](../how-to/watch.md).

"""

TABLE_HEAD = """\
| name | kind | labels | what it says |
|---|---|---|---|
"""

RABBITMQ_METRICS_HEAD = """\
## As RabbitMQ names them

The same page. Those of queues are sums over all queues.

"""

KAFKA_METRICS_HEAD = """\
## As Kafka names them

The same page: what Kafka's JMX exporter and kafka-exporter show.

"""

OBJECT_METRICS_HEAD = """\
## Of each object

At `/metrics/per-object`, with `rabbitmq_` before the names of RabbitMQ; and at
`/metrics/detailed?family=…` one by one, with `rabbitmq_detailed_` before them, or with
`rabbitmq_cluster_` (`vhost_status`, `exchange_name`, `exchange_bindings`, that are only there).
`family` and `vhost` may be given several times; `queue` is a regular expression of `^`, `$`, `|`,
`.`, `.*` and `\\.` only.

| family | labels | what there is |
|---|---|---|
"""

KAFKA_REQUESTS_HEAD = """
# Kafka requests

Which of Kafka's requests are answered, and in which versions. `ApiVersions` tells clients the same,
and they choose; [Kafka](../protocols/kafka.md) says how the answers differ from Apache Kafka's.

| key | request | versions | |
|---|---|---|---|
"""

KAFKA_MISSING_HEAD = """
Not answered yet; clients are told so, and whoever sends one all the same is hung up on:

| key | request |
|---|---|
"""

if __name__ == "__main__":
    sys.exit(main())
