"""The settings: read once from SCHOLIAST_* or .env files, and passed in."""

import os
import re
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError

from rag.errors import ConfigError

_PREFIX = "SCHOLIAST_"
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_FILE = ".env"
_DESTINATIONS = ("model_base_url", "slack_api_url", "database_url", "chroma_url")


class Settings(BaseSettings):
    """Every setting of the product; `rag/workspace.py` turns them into objects. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default_factory=lambda: user_data_path("scholiast"), description="The folder of all data.")
    database_url: str = Field(
        default="", description="URL of the SQL database; empty for a SQLite file in the home folder."
    )
    chroma_url: str = Field(
        default="", description="URL of a Chroma server; empty for embedded Chroma in the home folder."
    )
    embedder: str = Field(
        default="minilm", description="minilm, minilm:FOLDER, openai:MODEL or langchain:PROVIDER:MODEL."
    )
    model: str = Field(default="extractive", description="What writes the answers: extractive, or PROVIDER:MODEL.")
    models: str = Field(default="", description="Comma-separated: other models that a request may choose.")
    model_base_url: str = Field(
        default="", description="URL of an OpenAI-compatible server, for models named openai:..."
    )
    model_context_tokens: int = Field(
        default=0, ge=0, description="The models' context window; 0 for the known one of the model, else 8192."
    )
    model_timeout_seconds: float = Field(default=120.0, gt=0, description="How long a model may take for an answer.")
    model_prompt: Literal["auto", "narrow", "wide"] = Field(
        default="auto",
        description="What a model is shown: wide, all abstracts that fit, or narrow, for small models and windows.",
    )
    model_answer_from: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Confidence from which a model with a wide prompt decides whether to answer.",
    )
    deep_calls: int = Field(default=16, ge=1, description="The most calls of the model for a deep answer.")
    deep_tokens: int = Field(default=150_000, ge=1, description="The most tokens for the search of a deep answer.")
    deep_seconds: float = Field(default=180.0, gt=0, description="How long a deep answer may search.")
    deep_cost_usd: float = Field(
        default=1.0, gt=0, description="The most US dollars for the search of a deep answer, where prices are known."
    )
    on_model_failure: Literal["extractive", "error"] = Field(
        default="extractive", description="When a model fails: an extractive answer with a notice, or an error."
    )
    verifier: str = Field(
        default="lexical",
        description="What checks sentences against quotes: lexical, model (the one that writes), or provider:model.",
    )
    unsupported: Literal["flag", "drop"] = Field(
        default="flag", description="A sentence that no abstract supports is flagged or dropped."
    )
    contact: str = Field(
        default="", description="Your e-mail address, which `fetch` and `enrich` tell the sources that they ask."
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""), description="Comma-separated bearer keys; empty for open access, from this machine only."
    )
    slack_bot_token: SecretStr = Field(default=SecretStr(""), description="Slack: the bot's token, xoxb-...")
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""), description="Slack over HTTP: the secret that verifies requests to /slack/events."
    )
    slack_app_token: SecretStr = Field(
        default=SecretStr(""), description="Slack over Socket Mode, `scholiast slack`: the app's token, xapp-..."
    )
    slack_api_url: str = Field(default="https://slack.com/api/", description="URL of Slack's Web API.")
    slack_libraries: str = Field(
        default="", description="Libraries of Slack channels that do not ask the default one: C123=papers,C456=bio."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment comes first, then the home folder's .env, then that of the working folder."""
        return init_settings, env_settings, _file_source(home_file()), dotenv_settings

    @field_validator("slack_libraries")
    @classmethod
    def _pairs(cls, text: str) -> str:
        """Refused at the start, not at the first question in that channel."""
        for pair in _listed(text):
            channel, equals, library = pair.partition("=")
            if not (channel.strip() and equals and library.strip()):
                raise ValueError(f"{pair!r} is not CHANNEL=LIBRARY, such as C0123456789=papers")
        return text

    @field_validator("contact")
    @classmethod
    def _address(cls, text: str) -> str:
        """It goes into a header of every request to a source."""
        if text and not _ADDRESS.fullmatch(text):
            raise ValueError(f"{text!r} is no e-mail address, such as me@example.org")
        return text

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """The same folder if the process changes its directory, and in messages."""
        return home.expanduser().absolute()

    @property
    def choosable(self) -> tuple[str, ...]:
        """The models that a request may choose besides the default one and `extractive`."""
        return _listed(self.models)

    @property
    def keys(self) -> tuple[str, ...]:
        """The API keys; none means open access."""
        return _listed(self.api_keys.get_secret_value())

    @property
    def library_of_channel(self) -> dict[str, str]:
        """The library of each Slack channel, by the channel's id; other channels ask the default one."""
        pairs = (pair.partition("=") for pair in _listed(self.slack_libraries))
        return {channel.strip(): library.strip() for channel, _, library in pairs}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def home_file() -> Path:
    """The .env file of the home folder, which alone may say where keys and data go; it need not be there."""
    return Path(os.environ.get(f"{_PREFIX}HOME") or user_data_path("scholiast")).expanduser() / _FILE


def files_read() -> list[Path]:
    """The .env files that there are."""
    return [path for path in (home_file(), Path(_FILE).absolute()) if path.is_file()]


def _file_source(path: Path) -> DotEnvSettingsSource:
    return DotEnvSettingsSource(Settings, env_file=path)


def _check_working_folder() -> None:
    """A folder from somebody else must not send our keys to an address of theirs."""
    path = Path(_FILE).absolute()
    if path == home_file().absolute():
        return
    if redirected := [name for name in _DESTINATIONS if _file_source(path)().get(name)]:
        names = ", ".join(f"{_PREFIX}{name.upper()}" for name in redirected)
        raise ConfigError(
            f"{path} sets {names}: where keys and data go is taken only from the environment or from {home_file()}; "
            "move it there, or delete it if it is not yours"
        )


def load() -> Settings:
    """The settings of this process. Raises ConfigError naming the variable, or the .env file."""
    try:
        _check_working_folder()
        return Settings()
    except ValidationError as error:
        faults = [f"{_PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigError("; ".join(faults)) from error
    except (SettingsError, RuntimeError) as error:  # RuntimeError: a ~user that does not exist
        raise ConfigError(f"the settings can't be read: {error}") from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{Path('.env').absolute()} can't be read as UTF-8 text: {error}") from error
