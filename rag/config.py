"""The settings: read once from SCHOLIAST_* or .env files, and passed in."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
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
_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d{1,5})?")
_LOCAL_QUESTIONS, _REMOTE_QUESTIONS = 4, 64
MAILBOX = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
)
"""An address to which mail is sent: what RFC 5322 allows without quotes, so that nothing else fits into a header."""
_FILE = ".env"
_KEY_NAME = "_API_KEY"
_DESTINATIONS = (
    "model_base_url",
    "slack_api_url",
    "smtp_url",
    "database_url",
    "chroma_url",
    "vector_index",
    "reranker",
)


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
        default="",
        description="URL of a Chroma server, which several processes may share; empty for embedded in the home folder.",
    )
    vector_index: str = Field(
        default="chroma",
        description="What finds chunks by their vectors: chroma, or for millions of papers lancedb or lancedb:PLACE, a "
        "folder or the URL of an object store that several processes may share.",
    )
    embedder: str = Field(
        default="minilm",
        description="minilm, minilm:FOLDER, onnx:FOLDER, onnx:NAME, openai:MODEL or langchain:PROVIDER:MODEL.",
    )
    reranker: str = Field(
        default="",
        description="What orders the passages found: http:URL, model, cross-encoder:FOLDER or :NAME; or nothing.",
    )
    reranker_model: str = Field(default="", description="The model that a reranker's server is asked for, if any.")
    reranker_key: SecretStr = Field(default=SecretStr(""), description="The bearer key of a reranker's server.")
    reranker_timeout_seconds: float = Field(
        default=4.0, gt=0, description="How long a reranker's server may take; then passages stay in their order."
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
    answer_cache: int = Field(
        default=0,
        ge=0,
        description="How many answers each process keeps in memory, for the same question asked again; 0 for none.",
    )
    verifier: str = Field(
        default="lexical",
        description="What checks sentences against quotes: lexical; besides, in one call after the answer, model "
        "(the one that writes) or provider:model.",
    )
    unsupported: Literal["flag", "drop"] = Field(
        default="flag", description="A sentence that no abstract supports is flagged or dropped."
    )
    contact: str = Field(
        default="", description="Your e-mail address, which `fetch` and `enrich` tell the sources that they ask."
    )
    mcp_may_add: bool = Field(default=False, description="Whether assistants may add papers over MCP: true or false.")
    api_keys: SecretStr = Field(
        default=SecretStr(""), description="Comma-separated bearer keys; empty for open access, from this machine only."
    )
    key_requests_per_minute: int = Field(
        default=0,
        ge=0,
        description="Requests a minute of each key, or person in Slack, in each process; 0 for any number.",
    )
    key_tokens_per_day: int = Field(
        default=0,
        ge=0,
        description="Tokens of chat models a day (UTC) of each key, or person in Slack; 0 for any number.",
    )
    workers: int = Field(
        default=1, ge=1, description="Processes that `scholiast serve` answers from; about as many as there are cores."
    )
    max_in_flight: int = Field(
        default=0,
        ge=0,
        description="Questions answered at once, in each process; 0 for 4, or 64 where a provider may be asked.",
    )
    max_queue: int = Field(
        default=16, ge=0, description="Questions that may wait for their turn; more get a 503 at once."
    )
    max_queue_seconds: float = Field(default=0.5, gt=0, description="How long a question may wait for its turn.")
    answer_timeout_seconds: float = Field(
        default=300.0, gt=0, description="How long an answer over HTTP may take in all, from the request on."
    )
    resume_seconds: float = Field(
        default=30.0, ge=0, description="How long a resumable stream waits for a reader; 0 for no such streams."
    )
    resume_streams: int = Field(default=64, ge=0, description="Resumable streams at once, in each process.")
    max_connections: int = Field(
        default=1000, ge=2, description="Connections at once; one address may have half of them."
    )
    trusted_proxies: str = Field(
        default="", description="Comma-separated addresses and networks of proxies, whose X-Forwarded-* are believed."
    )
    cors_origins: str = Field(
        default="", description="Comma-separated origins whose pages may use the API, such as https://example.org."
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
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="The mail server of digests: smtp://USER:PASSWORD@HOST:PORT (STARTTLS), or smtps://... (TLS); "
        "a password is sent only under TLS, or to this machine.",
    )
    smtp_from: str = Field(default="", description="The address that digests come from.")

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

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        """A host's name is refused: whom it means is decided elsewhere."""
        for part in _listed(text):
            try:
                ip_network(part)
            except ValueError as error:
                raise ValueError(f"{error}; give addresses or networks, such as 10.0.0.0/8") from error
        return text

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        """As browsers send them, else none would ever match."""
        for part in _listed(text):
            if not _ORIGIN.fullmatch(part):
                raise ValueError(f"{part!r} is no origin, such as https://example.org or http://localhost:3000")
        return text

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: SecretStr) -> SecretStr:
        """Refused at the start, in words that do not repeat the password."""
        if url.get_secret_value():
            try:
                parts = urlsplit(url.get_secret_value())
                usable = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0
            except ValueError:  # no number as its port
                usable = False
            if not usable or parts.path.strip("/") or parts.query or parts.fragment:
                raise ValueError(
                    "it is not smtp://USER:PASSWORD@HOST:PORT or smtps://...; "
                    "of a password write / as %2F, @ as %40, : as %3A, ? as %3F, # as %23"
                )
        return url

    @field_validator("smtp_from")
    @classmethod
    def _mailbox(cls, text: str) -> str:
        """It goes into a header of every mail."""
        if text and not MAILBOX.fullmatch(text):
            raise ValueError(f"{text!r} is no e-mail address, such as scholiast@example.org")
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
    def questions_at_once(self) -> int:
        """More than a few keep each other waiting where the work is this machine's, but not where a provider has it."""
        names = (self.model, *self.choosable, self.embedder.partition(":")[0], self.verifier)
        is_local = set(names) <= {"extractive", "minilm", "onnx", "lexical"}
        return self.max_in_flight or (_LOCAL_QUESTIONS if is_local else _REMOTE_QUESTIONS)

    @property
    def keys(self) -> tuple[str, ...]:
        """The API keys; none means open access."""
        return _listed(self.api_keys.get_secret_value())

    @property
    def proxies(self) -> tuple[str, ...]:
        """The addresses and networks of trusted proxies."""
        return _listed(self.trusted_proxies)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may use the API."""
        return _listed(self.cors_origins)

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


def _export_provider_keys() -> None:
    """Keys such as OPENAI_API_KEY in the home folder's .env, for the SDKs, which read them from the environment."""
    for name, value in dotenv_values(home_file()).items():
        if value and name.endswith(_KEY_NAME) and not name.startswith(_PREFIX):
            os.environ.setdefault(name, value)


def load() -> Settings:
    """The settings of this process. Raises ConfigError naming the variable, or the .env file.

    Keys of providers in the home folder's .env become variables of this process, unless they are.
    """
    try:
        _check_working_folder()
        _export_provider_keys()
        return Settings()
    except ValidationError as error:
        faults = [f"{_PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigError("; ".join(faults)) from error
    except (SettingsError, RuntimeError) as error:  # RuntimeError: a ~user that does not exist
        raise ConfigError(f"the settings can't be read: {error}") from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{Path('.env').absolute()} can't be read as UTF-8 text: {error}") from error
