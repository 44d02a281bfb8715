"""Haystack's hybrid retrieval as its tutorial has it: BM25 and embeddings in memory, joined, then one prompt."""

from collections.abc import Collection
from typing import Any

from haystack import Document
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.joiners import DocumentJoiner
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from eval.peers import embedding
from eval.peers.serve import Hit, PeerAnswer, Setting, Task, serve, shown, sources

_TEMPLATE = """Answer the question from the documents. Say that you don't know where they do not hold the answer.

{% for document in documents %}{{ document }}

{% endfor %}Question: {{ question }}"""


class Haystack:
    """The tutorial orders the joined documents by a cross-encoder from a model hub; here reciprocal ranks do."""

    packages = ("haystack-ai",)
    setting = Setting("split_length", 200, tried=(100, 200, 400))
    thread_safe = True

    def build(self, task: Task) -> None:
        """Split into words, embed, and store in memory, with a copy in the folder."""
        splitter = DocumentSplitter(split_by="word", split_length=task.setting, split_overlap=task.setting // 10)
        documents = [Document(content=paper.text, meta={"paper": paper.id}) for paper in task.papers]
        splits = splitter.run(documents=documents)["documents"]
        vectors = embedding.embed([split.content for split in splits])
        store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        store.write_documents(
            [
                Document(content=split.content, meta=split.meta, embedding=vector)
                for split, vector in zip(splits, vectors, strict=True)
            ]
        )
        store.save_to_disk(str(task.folder / "documents.json"))
        self._keywords = InMemoryBM25Retriever(document_store=store)
        self._dense = InMemoryEmbeddingRetriever(document_store=store)
        self._joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")
        self._prompt = ChatPromptBuilder(template=[ChatMessage.from_user(_TEMPLATE)], required_variables="*")
        model = task.model
        key = Secret.from_token("none")
        self._model: Any = model and OpenAIChatGenerator(api_key=key, model=model.name, api_base_url=model.base_url)

    def search(self, question: str, k: int) -> list[Hit]:
        """The documents of both rankings, by reciprocal ranks."""
        keywords = self._keywords.run(query=question, top_k=k)["documents"]
        dense = self._dense.run(query_embedding=embedding.embed_one(question), top_k=k)["documents"]
        joined = self._joiner.run(documents=[keywords, dense], top_k=k)["documents"]
        return [Hit(document.meta["paper"], document.content) for document in joined]

    def answer(self, question: str, without: Collection[str]) -> PeerAnswer:
        """One call of the model."""
        hits = shown(self, question, without)
        prompt = self._prompt.run(documents=[hit.text for hit in hits], question=question)["prompt"]
        reply = self._model.run(messages=prompt)["replies"][0]
        return PeerAnswer(text=reply.text or "", cited=sources(hits), hits=hits)


if __name__ == "__main__":
    serve(Haystack)
