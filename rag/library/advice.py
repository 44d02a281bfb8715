"""The commands that messages tell people to run, with all that they need when they are copied."""


def rebuild(library: str) -> str:
    """Makes the indexes anew. The library is always named: without a name, the demo's may be meant."""
    return f"run `scholiast rebuild --library {library}`"


def embed_again(library: str) -> str:
    """Makes the vectors anew too."""
    return f"run `scholiast rebuild --embed --library {library}` to embed every paper again"


def list_papers(library: str) -> str:
    """Shows which ids there are."""
    return f"`scholiast papers list --library {library}` shows what it has"
