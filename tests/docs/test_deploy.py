"""What is in deploy/ fits the broker: names of metrics, settings, ports, files."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from anymq.cli import serve
from anymq.config.model import declared
from anymq.management import kafka_metrics as _declares_more  # noqa: F401
from anymq.management import metrics as _declares_metrics  # noqa: F401
from anymq.management import rabbitmq_metrics as _declares_others  # noqa: F401
from anymq.management.object_metrics import DETAILED, FAMILIES, PER_OBJECT, metrics_of
from anymq.observability.metrics import DECLARED

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana/dashboards/anymq.json"
ALERTS = DEPLOY / "prometheus/alerts.yml"
DOCKERFILE = DEPLOY / "docker/Dockerfile"
COMPOSE = DEPLOY / "docker/docker-compose.yml"
UNIT = DEPLOY / "systemd/anymq.service"
METRIC = re.compile(r"\b(?:anymq|rabbitmq|kafka|process)_\w+")


@cache
def every_metric() -> dict[str, tuple[str, ...]]:
    """Every metric there is on any page, and its labels."""
    found = {each.name: each.labels for each in DECLARED.values()}
    for family in FAMILIES.values():
        of_rabbitmq = [
            metric for prefix in (PER_OBJECT, DETAILED) for metric, _ in metrics_of(family, prefix)
        ]
        found |= {each.name: each.labels for each in (*family.metrics, *of_rabbitmq)}
    return found


def unknown(expression: str) -> set[str]:
    """Return what an expression names that is no metric of ours."""
    names = {name.removesuffix("_bucket") for name in METRIC.findall(_without_strings(expression))}
    return names - set(every_metric())


def _without_strings(expression: str) -> str:
    return re.sub(r'"[^"]*"', '""', expression)


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


# --- the dashboard and the alerts -----------------------------------------------------------


@pytest.fixture(scope="module")
def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())


def expressions(dashboard: Any) -> Iterator[tuple[str, str, str]]:
    """Every query: of which panel, what it asks, how its lines are called."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]


def test_every_metric_on_the_dashboard_exists(dashboard: Any) -> None:
    """A chart of a metric that is none stays empty, and nobody knows why."""
    found = list(expressions(dashboard))
    assert len(found) > 40
    assert [(panel, unknown(asked)) for panel, asked, _ in found if unknown(asked)] == []
    assert [panel for panel, asked, _ in found if not METRIC.search(asked)] == []


def test_lines_are_called_by_labels_that_there_are(dashboard: Any) -> None:
    for panel, asked, legend in expressions(dashboard):
        labels = {label for name in METRIC.findall(asked) for label in every_metric().get(name, ())}
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels | {"instance"}, panel
        grouped = {one for by in re.findall(r"by \(([^)]*)\)", asked) for one in by.split(", ")}
        assert grouped <= labels | {"instance", "le"}, panel


def test_queries_are_whole(dashboard: Any) -> None:
    for panel, asked, _ in expressions(dashboard):
        plain = _without_strings(asked.replace('\\"', '"'))
        assert [plain.count(one) for one in "({["] == [plain.count(one) for one in ")}]"], panel
        assert "instance=~" in asked, "each can be looked at alone"


def test_panels_have_places_and_numbers_of_their_own(dashboard: Any) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [1 for one, other in combinations(places, 2) if overlap(one, other)]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    def beside(start: str, size: str) -> bool:
        before = one[start] + one[size] <= other[start]
        return before or other[start] + other[size] <= one[start]

    return not (beside("x", "w") or beside("y", "h"))


def test_every_metric_that_rings_exists() -> None:
    rules = [rule for group in read_yaml(ALERTS)["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert unknown(rule["expr"]) == set(), rule["alert"]
        assert METRIC.search(rule["expr"]) or rule["expr"].startswith("up{")
        labels = {
            label for name in METRIC.findall(rule["expr"]) for label in every_metric().get(name, ())
        }
        said = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert said <= labels | {"instance"}, rule["alert"]


def test_prometheus_asks_for_what_there_is() -> None:
    said = read_yaml(DEPLOY / "prometheus/prometheus.yml")
    jobs = {job["job_name"]: job for job in said["scrape_configs"]}
    assert set(jobs["anymq-queues"]["params"]["family"]) <= set(FAMILIES)
    paths = {job.get("metrics_path", "/metrics") for job in jobs.values()}
    assert paths == {"/metrics", "/metrics/detailed"}
    ports = {
        target.partition(":")[2]
        for job in jobs.values()
        for one in job["static_configs"]
        for target in one["targets"]
    }
    assert ports == {str(default_of("management.port"))}


# --- the image and its company --------------------------------------------------------------


def default_of(key: str) -> object:
    return next(each.default for each in declared() if each.key == key)


def instructions() -> Iterator[tuple[str, str]]:
    """What the Dockerfile says, a line each."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word:
            yield word, rest.strip()


def check_variables(said: dict[str, Any]) -> None:
    """Are these settings, with values that make sense?"""
    by_variable = {each.variable: each for each in declared()}
    for name, value in said.items():
        if name.startswith("ANYMQ_") and "$" not in str(value):
            by_variable[name].parse(value)


PROTOCOLS = ("amqp", "kafka", "mqtt", "stomp", "rocketmq", "management")


def test_the_image_is_that_of_a_good_neighbour() -> None:
    said = list(instructions())
    words = [word for word, _ in said]
    last = words[len(words) - words[::-1].index("FROM") :]
    by_word = dict(said)

    assert {"LABEL", "USER", "HEALTHCHECK", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"} <= set(last)
    assert int(by_word["USER"]) > 0
    assert "org.opencontainers.image.licenses" in by_word["LABEL"]
    ports = {default_of(f"{each}.port") for each in PROTOCOLS}
    ports.add(default_of("rocketmq.nameserver_port"))
    assert {int(port) for port in by_word["EXPOSE"].split()} == ports
    [environment] = [rest for word, rest in said if word == "ENV"]
    variables = dict(each.split("=", 1) for each in shlex.split(environment))
    check_variables(variables)
    assert variables["ANYMQ_SERVER_DATA_DIR"] == by_word["VOLUME"]
    for word in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(by_word[word]), list), "no shell between: signals arrive"


def test_the_image_is_made_of_files_that_there_are() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().split()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists()
                assert any(one == name or one.startswith(name + "/") for one in sent), name
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert ("ARG", f"VERSION={version[1]}") in list(instructions())


def test_the_company_fits_together() -> None:
    said = read_yaml(COMPOSE)
    services, volumes = said["services"], set(said["volumes"])
    assert set(services) == {"anymq", "prometheus", "grafana"}
    check_variables(services["anymq"]["environment"])
    context = (COMPOSE.parent / services["anymq"]["build"]["context"]).resolve()
    assert (context / services["anymq"]["build"]["dockerfile"]) == DOCKERFILE
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:"), "only for this machine"
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (COMPOSE.parent / source).exists() if "/" in source else source in volumes


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    mounts = dict(
        one.split(":")[:2] for one in read_yaml(COMPOSE)["services"]["grafana"]["volumes"]
    )
    provisioning = DEPLOY / "grafana/provisioning"
    [provider] = read_yaml(provisioning / "dashboards/anymq.yml")["providers"]
    assert provider["options"]["path"] == mounts["../grafana/dashboards"]
    [source] = read_yaml(provisioning / "datasources/prometheus.yml")["datasources"]
    assert source["url"].startswith("http://prometheus:")


# --- systemd --------------------------------------------------------------------------------


def test_the_unit_starts_the_broker_as_it_understands_it() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    program, command, *flags = shlex.split(service["ExecStart"])
    assert (program.endswith("/bin/anymq"), command) == (True, "serve")
    parser = argparse.ArgumentParser()
    serve.configure(parser)
    arguments = vars(parser.parse_args(flags))
    assert arguments["server.data_dir"] == f"/var/lib/{service['StateDirectory']}"
    assert service["User"] == "anymq"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "anymq"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "anymq.service"
    unit.write_text(UNIT.read_text().replace("/opt/anymq/bin/anymq", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_COLORS": "0"},
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if "anymq" in line]
    assert (done.returncode, about_it) == (0, [])
