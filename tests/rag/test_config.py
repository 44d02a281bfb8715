"""The settings: read from the environment or a .env file, and named when they can't be."""

from pathlib import Path

import pytest

from rag import config
from rag.errors import ConfigError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("SCHOLIAST_EMBEDDER=minilm:folder\nSCHOLIAST_MODEL=from-the-file\nOTHER=1\n")
    monkeypatch.setenv("SCHOLIAST_MODEL", "from-the-environment")
    settings = config.load()
    assert (settings.embedder, settings.model) == ("minilm:folder", "from-the-environment")


def test_keys_are_split_at_commas_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_API_KEYS", " one, ,two ,")
    settings = config.load()
    assert settings.keys == ("one", "two")
    assert "one" not in f"{settings!r} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    "url", ["example.org", "http://example.org", "smtp://u:se#cret@h", "smtp://u:secret@h:x", "smtp:///"]
)
def test_a_mail_server_that_is_none_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SCHOLIAST_SMTP_URL", url)
    with pytest.raises(ConfigError, match=r"SCHOLIAST_SMTP_URL.*smtps://") as refused:
        config.load()
    assert "cret" not in str(refused.value)


def test_a_sender_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_SMTP_FROM", "me@example.org, you@example.org")
    with pytest.raises(ConfigError, match="is no e-mail address"):
        config.load()


def test_no_keys_is_an_open_service() -> None:
    assert config.load().keys == ()


def test_the_home_folder_is_the_same_from_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", "data")
    assert config.load().home == tmp_path / "data"
    monkeypatch.setenv("SCHOLIAST_HOME", "~/data")
    assert config.load().home == Path.home() / "data"


def test_a_variable_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_EMBEDDER", "")
    assert config.load().embedder == "minilm"


def test_a_file_that_is_not_text_is_named() -> None:
    Path(".env").write_bytes(b"SCHOLIAST_MODEL=\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env"):
        config.load()


def test_a_wrong_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", "~no-such-user/data")
    with pytest.raises(ConfigError):
        config.load()


@pytest.mark.parametrize(
    "name", ["MODEL_BASE_URL", "SLACK_API_URL", "DATABASE_URL", "CHROMA_URL", "VECTOR_INDEX", "RERANKER"]
)
def test_a_working_folder_cannot_say_where_keys_and_data_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    line = f"SCHOLIAST_{name}=http://evil.example\n"
    (tmp_path / ".env").write_text(line)
    with pytest.raises(ConfigError, match=f"SCHOLIAST_{name}.*only from the environment"):
        config.load()
    (tmp_path / "home").mkdir()
    (tmp_path / ".env").replace(tmp_path / "home" / ".env")
    assert getattr(config.load(), name.lower()) == "http://evil.example"
    assert config.files_read() == [tmp_path / "home" / ".env"]
