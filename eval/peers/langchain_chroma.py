"""The tutorial of LangChain for question answering over documents, with Chroma as the vector store.

Recursive splits of 1,000 characters with an overlap of 200, the nearest of them, and one prompt with these in it.
"""

from collections.abc import Collection
from typing import Any

from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_openai import ChatOpenAI
from langchain_text_splitters import RecursiveCharacterTextSplitter

from eval.peers import embedding
from eval.peers.serve import Hit, PeerAnswer, Setting, Task, serve, shown, sources

_BATCH = 1_000
_PROMPT = (
    "You answer questions from retrieved context. If the context does not hold the answer, say that you don't know. "
    "Use three sentences at most and keep the answer concise.\n\nContext:\n"
)


class MiniLMEmbeddings(Embeddings):
    """The product's embedder."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of splits."""
        return embedding.embed(texts)

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return embedding.embed_one(text)


class LangChainChroma:
    """Dense search over splits; the sources of an answer are the splits that were in its prompt."""

    packages = ("langchain-chroma", "langchain-core", "langchain-text-splitters", "langchain-openai", "chromadb")
    setting = Setting("chunk_size", 1000, tried=(500, 1000, 2000), tuned=500)
    thread_safe = True

    def build(self, task: Task) -> None:
        """Split, embed and store."""
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=task.setting, chunk_overlap=task.setting // 5, add_start_index=True
        )
        documents = [Document(page_content=paper.text, metadata={"paper": paper.id}) for paper in task.papers]
        splits = splitter.split_documents(documents)
        self._store = Chroma(embedding_function=MiniLMEmbeddings(), persist_directory=str(task.folder))
        for start in range(0, len(splits), _BATCH):
            self._store.add_documents(splits[start : start + _BATCH])
        model = task.model
        self._model: Any = model and ChatOpenAI(model=model.name, base_url=model.base_url, temperature=0)

    def search(self, question: str, k: int) -> list[Hit]:
        """The nearest splits."""
        found = self._store.similarity_search(question, k=k)
        return [Hit(document.metadata["paper"], document.page_content) for document in found]

    def answer(self, question: str, without: Collection[str]) -> PeerAnswer:
        """One call of the model."""
        hits = shown(self, question, without)
        context = "\n\n".join(hit.text for hit in hits)
        reply = self._model.invoke([("system", _PROMPT + context), ("human", question)])
        return PeerAnswer(text=str(reply.content), cited=sources(hits), hits=hits)


if __name__ == "__main__":
    serve(LangChainChroma)
