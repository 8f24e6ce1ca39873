"""What holds at once after a reload, and what waits for a restart."""

from anymq.config.load import from_tables
from anymq.config.model import Settings
from anymq.config.reload import take_over


def test_nothing_new_changes_nothing() -> None:
    reloaded = take_over(Settings(), Settings())

    assert (reloaded.settings, reloaded.changed, reloaded.waiting) == (Settings(), [], [])


def test_what_is_live_holds_and_the_rest_waits() -> None:
    wanted = from_tables(
        {
            "server": {"node_id": 7},
            "topics": {"partitions": 7, "retention_ms": "1d"},
            "limits": {"connections_max": 7},
        }
    )
    reloaded = take_over(Settings(), wanted)

    assert reloaded.changed == ["topics.partitions", "limits.connections_max"]
    assert reloaded.waiting == ["server.node_id", "topics.retention_ms"]
    assert reloaded.settings.topics.partitions == 7
    assert reloaded.settings.limits.connections_max == 7
    assert reloaded.settings.server == Settings().server
    assert reloaded.settings.topics.retention_ms == Settings().topics.retention_ms


def test_users_come_and_go_without_their_secrets_being_told() -> None:
    reloaded = take_over(Settings(), from_tables({"users": {"ada": "secret"}}))

    assert reloaded.settings.users == {"ada": ("secret",)}
    assert reloaded.changed == ["users"]
    assert "secret" not in repr(reloaded)
