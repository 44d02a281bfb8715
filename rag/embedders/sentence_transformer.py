"""How a folder of a sentence-transformers model says that vectors are made: pooling, and what stands before a text."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag import onnx_model
from rag.errors import ConfigError

Pooling = Literal["cls", "mean", "last"]

_POOLING: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}
_NEWER_POOLING: dict[object, Pooling] = {"cls": "cls", "mean": "mean", "lasttoken": "last"}
_STEPS = ("Transformer", "Pooling", "Normalize")
"""The parts of a model that we run. Every vector gets length 1, so that of the last nothing depends."""

_QUERY_PROMPTS = ("query",)
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""Names of prompts in the order in which sentence-transformers looks for them."""

_BGE = "Represent this sentence for searching relevant passages: "
_KNOWN_PROMPTS = (
    (re.compile(r"\bbge-(?:small|base|large)-en\b"), _BGE, ""),
    (re.compile(r"\bbge-(?:small|base|large)-zh\b"), "为这个句子生成表示以用于检索相关文章：", ""),
    (re.compile(r"\barctic-embed-[a-z]+-v2"), "query: ", ""),
    (re.compile(r"\barctic-embed-"), _BGE, ""),
    (re.compile(r"\be5-(?:small|base|large)(?!.*instruct)"), "query: ", "passage: "),
)
"""What the card of a known model puts before a query and before a document. gte and bge-m3 have nothing there."""


@dataclass(frozen=True)
class Recipe:
    """What decides on a text's vector beside the network itself; its `repr` is part of the model's hash."""

    pooling: Pooling
    query_prompt: str
    document_prompt: str
    max_tokens: int
    lower_case: bool


def read(folder: Path) -> Recipe:
    """The recipe in a folder's files. Raises ConfigError for one that is missing, or that asks for what we can't do."""
    query, document = _prompts(folder)
    return Recipe(
        pooling=_pooling(folder),
        query_prompt=query,
        document_prompt=document,
        max_tokens=onnx_model.max_tokens(folder),
        lower_case=onnx_model.read_object(folder / "sentence_bert_config.json").get("do_lower_case") is True,
    )


def _pooling(folder: Path) -> Pooling:
    path = folder / _pooling_folder(folder) / "config.json"
    config = onnx_model.read_object(path)
    if not config:
        raise ConfigError(f"there is no {path}; copy it there from the model's publisher")
    wanted = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    found = _NEWER_POOLING.get(config.get("pooling_mode")) if not wanted else None
    if len(wanted) == 1:
        found = _POOLING.get(wanted[0])
    if found is None or config.get("include_prompt") is False:
        asked = ", ".join(wanted) or config.get("pooling_mode") or "no pooling"
        without = " without the prompt" if config.get("include_prompt") is False else ""
        raise ConfigError(f"{path} asks for {asked}{without}; use a model with the first, last or mean token's vector")
    return found


def _pooling_folder(folder: Path) -> str:
    path = folder / "modules.json"
    modules = onnx_model.read_json(path)
    if modules is None:
        raise ConfigError(
            f"there is no {path}; copy it there from the model's publisher, with the folder of its pooling"
        )
    try:
        kinds = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in modules}
    except (TypeError, LookupError) as error:
        raise ConfigError(f"{path} does not list modules ({error!r}); copy it again from the publisher") from error
    if unknown := kinds.keys() - set(_STEPS):
        raise ConfigError(f"{path} names {', '.join(sorted(unknown))}, which is not supported; use another model")
    if "Pooling" not in kinds:
        raise ConfigError(f"{path} names no Pooling; use a model of sentence-transformers")
    return kinds["Pooling"]


def _prompts(folder: Path) -> tuple[str, str]:
    """What stands before a query and before a document: as the folder says, else as the card of a known model does."""
    settings = onnx_model.read_object(folder / "config_sentence_transformers.json")
    prompts = settings.get("prompts")
    if isinstance(prompts, dict) and any(prompts.values()):
        default = prompts.get(settings.get("default_prompt_name"), "")
        return _first(prompts, _QUERY_PROMPTS, default), _first(prompts, _DOCUMENT_PROMPTS, default)
    published = str(onnx_model.read_object(folder / "config.json").get("_name_or_path", ""))
    for name in (published, "/".join(folder.absolute().parts[-3:])):
        for pattern, query, document in _KNOWN_PROMPTS:
            if pattern.search(name.lower()):
                return query, document
    return "", ""


def _first(prompts: dict[str, Any], names: tuple[str, ...], default: object) -> str:
    return str(next((prompts[name] for name in names if isinstance(prompts.get(name), str)), default))
