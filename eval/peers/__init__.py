"""Other systems on the same papers and questions: one adapter each, in an environment of its own, and what is measured.

`python -m eval.peers install NAME` makes an environment, `python -m eval.peers compare` measures; `serve.py` is what an
adapter speaks, and its requirements are in `requirements/NAME.txt`.
"""

SYSTEMS = ("scholiast", "langchain_chroma", "llamaindex", "haystack", "txtai", "paperqa", "bm25")
"""The adapters, by the names of their modules."""
