"""The settings: read once from SCHOLIAST_* or a .env file, and passed in."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of the product; `rag/build.py` turns them into objects."""

    model_config = SettingsConfigDict(env_prefix="SCHOLIAST_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("scholiast"), description="Folder of all data.")
    database_url: str = Field(default="", description="Catalog; empty is a SQLite file in the home folder.")
    chroma_url: str = Field(default="", description="A Chroma server; empty is Chroma embedded in the home folder.")
    embedder: str = Field(default="minilm", description="minilm, minilm:FOLDER, openai:MODEL or langchain:PROVIDER:MODEL.")
    model: str = Field(default="extractive", description="What writes the answers: extractive, or provider:model.")
    api_keys: SecretStr = Field(default=SecretStr(""), description="Comma-separated bearer keys; empty is open, loopback only.")
