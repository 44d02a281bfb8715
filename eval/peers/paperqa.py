"""PaperQA2: its search over texts, and with a model its query, which grades and sums up each text before it answers.

Its agent, which decides what to search for, needs a model that calls tools, and is left out.
"""

import asyncio
from collections.abc import Collection
from typing import Any

from paperqa import Doc, Docs, Settings, Text
from paperqa.llms import EmbeddingModel

from eval.peers import embedding
from eval.peers.serve import Hit, PeerAnswer, Setting, Task, serve, sources


class MiniLMEmbedding(EmbeddingModel):  # type: ignore[misc]  # its package is in the peer's environment alone
    """The product's embedder."""

    name: str = "minilm"

    async def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts."""
        vectors: list[list[float]] = (await embedding.MINILM.embed(texts)).tolist()
        return vectors


class PaperQA:
    """Dense search in memory with maximal marginal relevance; a paper is one text, as an abstract is short."""

    packages = ("paper-qa", "litellm")
    setting = Setting("texts_index_mmr_lambda", 1.0, tried=(0.5, 0.9, 1.0))
    thread_safe = False

    def build(self, task: Task) -> None:
        """Embed the texts; PaperQA keeps an index in memory alone."""
        self._loop = asyncio.Runner()
        self._embedder = MiniLMEmbedding()
        self._settings = Settings(texts_index_mmr_lambda=task.setting, **_model(task))
        self._papers = list(zip(task.papers, embedding.embed([paper.text for paper in task.papers]), strict=True))
        self._docs = self._loop.run(self._read(()))

    async def _read(self, without: Collection[str]) -> Docs:
        docs = Docs()
        for paper, vector in self._papers:
            if paper.id in without:
                continue
            doc = Doc(docname=paper.id, dockey=paper.id, citation=paper.title)
            text = Text(text=paper.text, name=paper.id, doc=doc, embedding=vector)
            await docs.aadd_texts([text], doc, self._settings)
        return docs

    def search(self, question: str, k: int) -> list[Hit]:
        """The texts nearest to the question, by marginal relevance."""
        found = self._loop.run(self._docs.retrieve_texts(question, k, self._settings, self._embedder))
        return [Hit(text.doc.dockey, text.text) for text in found]

    def answer(self, question: str, without: Collection[str]) -> PeerAnswer:
        """A call of the model for each text, then one for the answer, which cites those that it used."""
        docs = self._loop.run(self._read(without)) if without else self._docs
        query = docs.aquery(question, settings=self._settings, embedding_model=self._embedder)
        session = self._loop.run(query)
        used = [context.text for context in session.contexts if context.id in session.used_contexts]
        hits = [Hit(text.doc.dockey, text.text) for text in used]
        return PeerAnswer(text=session.answer, cited=sources(hits), hits=hits)


def _model(task: Task) -> dict[str, Any]:
    if task.model is None:
        return {}
    name = f"openai/{task.model.name}"
    call = {"model": name, "api_base": task.model.base_url, "api_key": "none"}
    config = {"model_list": [{"model_name": name, "litellm_params": call}]}
    return {"llm": name, "llm_config": config, "summary_llm": name, "summary_llm_config": config}


if __name__ == "__main__":
    serve(PaperQA)
