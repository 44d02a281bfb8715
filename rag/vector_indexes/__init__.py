"""Where chunks are searched by their vectors: one module per engine, the one of the settings is made here."""

import os

from rag.errors import ConfigError, how_to_rebuild
from rag.protocols import VectorStore

KINDS = ("chroma", "lancedb")
"""The engines. The name of an index (its generation) begins with that of its engine, if it is not the first one."""


def store(setting: str = "chroma", chroma_url: str = "") -> VectorStore:
    """`chroma`, `lancedb` or `lancedb:PLACE`. Only its own library is imported. Raises ConfigError."""
    kind, _, place = setting.partition(":")
    if setting == "chroma":
        from rag.vector_indexes import chroma

        return chroma.ServedChroma(chroma_url) if chroma_url else chroma.EmbeddedChroma()
    if kind == "lancedb" and setting != "lancedb:":
        if chroma_url:
            raise ConfigError(
                f"SCHOLIAST_VECTOR_INDEX is {kind}, so SCHOLIAST_CHROMA_URL is of no use; unset one of them"
            )
        os.environ.setdefault("LANCE_LOG", "error")  # it warns, on the terminal, of what it puts right by itself
        try:
            from rag.vector_indexes import lance
        except ImportError as error:
            raise ConfigError(
                "SCHOLIAST_VECTOR_INDEX is lancedb, which is not installed; run `pip install 'scholiast[lancedb]'`"
            ) from error
        return lance.LanceStore(place)
    raise ConfigError(f"SCHOLIAST_VECTOR_INDEX is {kind[:100]!r}; set it to chroma, lancedb or lancedb:PLACE")


def find_mismatch(library: str, generation: str, kind: str) -> str:
    """Why an engine can't open an index that another one built, and what to do; empty when it can."""
    built_with = kind_of(generation)
    if built_with == kind:
        return ""
    return (
        f"the vectors of library {library!r} are in an index of {built_with}, not of {kind}; "
        f"set SCHOLIAST_VECTOR_INDEX={built_with}, or {how_to_rebuild(library)}"
    )


def kind_of(generation: str) -> str:
    """The engine of an index."""
    kind, dash, _ = generation.partition("-")
    return kind if dash else KINDS[0]
