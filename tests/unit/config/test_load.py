"""Where settings come from, and what is said about wrong ones."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from anymq.config.load import ConfigError, from_tables, load
from anymq.config.model import Settings, declared
from anymq.config.units import DAY_MS, MIB


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anymq.toml"


def test_without_a_file_everything_is_as_declared() -> None:
    settings = load(environment={"XDG_DATA_HOME": "/somewhere"})

    assert settings.storage == Settings().storage
    assert settings.server.data_dir == "/somewhere/anymq"
    assert not settings.users


def test_flags_win_over_the_environment_and_that_over_the_file(file: Path) -> None:
    file.write_text("[kafka]\nport = 1\nrack = 'file'\n[log]\nlevel = 'debug'")
    environment = {"ANYMQ_KAFKA_PORT": "2", "ANYMQ_KAFKA_RACK": "environment"}

    settings = load(file, environment, {"kafka.port": "3"})

    assert settings.kafka.port == 3
    assert settings.kafka.rack == "environment"
    assert settings.log.level == "debug"


def test_the_environment_may_name_the_file(file: Path) -> None:
    file.write_text("[kafka]\nport = 1")

    assert load(environment={"ANYMQ_CONFIG": str(file)}).kafka.port == 1


def test_values_have_units_and_types(file: Path) -> None:
    file.write_text(
        """
        [storage]
        segment_bytes = "1MiB"
        durability = "os"
        [topics]
        retention_ms = "7d"
        retention_bytes = -1
        auto_create = false
        [kafka]
        sasl_mechanisms = ["PLAIN"]
        """
    )
    settings = load(file, {"ANYMQ_GROUPS_MEMBERS_MAX": "12", "ANYMQ_SERVER_ALLOW_OPEN": "yes"})

    assert settings.storage.segment_bytes == MIB
    assert settings.storage.durability == "os"
    assert settings.topics.retention_ms == 7 * DAY_MS
    assert settings.topics.auto_create is False
    assert settings.kafka.sasl_mechanisms == ("PLAIN",)
    assert settings.groups.members_max == 12
    assert settings.server.allow_open is True


def test_users_have_a_password_or_verifiers_that_no_log_shows(file: Path) -> None:
    file.write_text("[users]\nada = 'secret'\nbob = ['SCRAM-SHA-256$4096:c2FsdA==$a:b']")

    settings = load(file)

    assert settings.users["ada"] == ("secret",)
    assert settings.users["bob"] == ("SCRAM-SHA-256$4096:c2FsdA==$a:b",)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[storge]", r"no section \[storge\]. Did you mean storage?"),
        ("[kafka]\nprot = 1", r"no setting kafka.prot. Did you mean kafka.port?"),
        ("[kafka]\nport = 'many'", "kafka.port: 'many' should be a whole number"),
        ("[kafka]\nport = true", "kafka.port: True should be a whole number"),
        ("[kafka]\nport = 65536", "kafka.port: 65536 is above 65535"),
        ("[kafka]\nhost = 1", "kafka.host: 1 should be text"),
        ("[kafka]\nrequire_login = 3", "3 should be true or false"),
        ("[kafka]\nsasl_mechanisms = 3", "should be a list of words"),
        ("[storage]\ndurability = 'maybe'", "'maybe' is not one of commit, interval, os"),
        ("[storage]\nsegment_bytes = '1B'", 'segment_bytes: "1B" is below "1KiB"'),
        ("storage = 1", r"storage should be a section, \[storage\]"),
        ("users = 1", r"users should be a section"),
        ("[users]\nada = 1", "users.ada: should be a password"),
        ("[kafka]\ntls_port = 9093", "tls_port needs tls.certificate"),
        ("[amqp]\ntls_port = 5671", "amqp.tls_port needs tls.certificate"),
        ("[amqp]\nframe_bytes_max = 4096", "amqp.frame_bytes_max"),
        ("[groups]\nsession_ms_min = '1h'", "session_ms_min is above groups.session_ms_max"),
        ("[kafka", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(
    file: Path, content: str, message: str
) -> None:
    file.write_text(content)

    with pytest.raises(ConfigError, match=message):
        load(file)


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(file)


def test_a_wrong_variable_is_named_with_what_would_be_right() -> None:
    with pytest.raises(ConfigError, match=r"KAFKA_PROT\. Did you mean ANYMQ_KAFKA_PORT\?"):
        load(environment={"ANYMQ_KAFKA_PROT": "1"})


@pytest.mark.parametrize(
    "environment",
    [
        {"ANYMQ_KAFKA_PORT": "tcp://10.0.0.1:9092"},
        {"ANYMQ_KAFKA_SERVICE_HOST": "10.0.0.1"},
        {"ANYMQ_KAFKA_SERVICE_PORT_CLIENTS": "9092"},
        {"ANYMQ_KAFKA_PORT_9092_TCP_ADDR": "10.0.0.1"},
        {"ANYMQ_EFFORT": "40", "PATH": "/bin"},
    ],
)
def test_variables_of_others_are_left_alone(environment: Mapping[str, str]) -> None:
    """Kubernetes makes variables out of the names of services: "anymq-kafka" is a likely one."""
    assert load(environment=environment).kafka == Settings().kafka


def test_listening_beyond_this_machine_takes_a_decision() -> None:
    """Nobody should find out later that the whole network could read everything."""
    with pytest.raises(ConfigError, match=r"kafka.host: others than this machine"):
        from_tables({"kafka": {"host": "0.0.0.0"}})

    decided = {"server": {"allow_open": True}}
    assert from_tables({"kafka": {"host": "0.0.0.0"}, **decided}).kafka.host == "0.0.0.0"


def test_listening_beyond_this_machine_is_fine_behind_a_login_and_tls() -> None:
    guarded = {"host": "0.0.0.0", "port": -1, "tls_port": 9093, "require_login": True}
    tables = {"kafka": guarded, "tls": {"certificate": "c.pem"}, "users": {"ada": "secret"}}

    assert from_tables(tables).kafka.tls_port == 9093


def test_a_certificate_of_the_client_is_as_good_as_a_login() -> None:
    tls = {"certificate": "c.pem", "client_ca": "ca.pem"}
    tables = {"kafka": {"host": "0.0.0.0", "port": -1, "tls_port": 9093}, "tls": tls}

    assert from_tables(tables).tls.client_ca == "ca.pem"


@pytest.mark.parametrize("host", ["127.example.org", "::", "192.0.2.1", "", "localhost.example"])
def test_what_only_looks_like_this_machine_is_not(host: str) -> None:
    with pytest.raises(ConfigError, match="others than this machine"):
        from_tables({"kafka": {"host": host}})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_this_machine_takes_no_decision(host: str) -> None:
    assert from_tables({"kafka": {"host": host}}).kafka.host == host


def test_every_default_reads_as_it_is_shown() -> None:
    """The reference shows what can be copied into a file."""
    for each in declared():
        shown = each.show(each.default)
        raw = shown.strip("[]").replace('"', "")
        assert each.parse(raw) == each.default, each.key


def test_amqp_in_clear_text_stays_on_this_machine() -> None:
    """Passwords pass there; over TLS it may go anywhere, for there is always a login."""
    with pytest.raises(ConfigError, match=r"amqp.host: others than this machine"):
        from_tables({"amqp": {"host": "0.0.0.0"}})
    sealed = {"host": "0.0.0.0", "port": -1, "tls_port": 5671}
    tables = {"amqp": sealed, "tls": {"certificate": "broker.pem"}}
    assert from_tables(tables).amqp.tls_port == 5671
