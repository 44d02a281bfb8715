"""LlamaIndex as its starter has it: a VectorStoreIndex over the documents, and its query engine's synthesizer."""

from collections.abc import Collection
from typing import Any

from llama_index.core import Document, VectorStoreIndex, get_response_synthesizer
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from llama_index.llms.openai_like import OpenAILike

from eval.peers import embedding
from eval.peers.serve import Hit, PeerAnswer, Setting, Task, serve, shown, sources


class MiniLMEmbedding(BaseEmbedding):  # type: ignore[misc]  # its package is in the peer's environment alone
    """The product's embedder."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return embedding.embed_one(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = (await embedding.MINILM.embed_query(query)).tolist()
        return vector

    def _get_text_embedding(self, text: str) -> list[float]:
        return embedding.embed_one(text)

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embedding.embed(texts)


class LlamaIndex:
    """Dense search over chunks in memory; the sources of an answer are the nodes it was made from."""

    packages = ("llama-index-core", "llama-index-llms-openai-like")
    setting = Setting("chunk_size", 1024, tried=(128, 256, 512, 1024), tuned=128)
    thread_safe = True

    def build(self, task: Task) -> None:
        """Split, embed, and keep the index in the folder."""
        embedder = MiniLMEmbedding(model_name="minilm", embed_batch_size=100)
        overlap = min(200, task.setting // 4)
        self._index = VectorStoreIndex.from_documents(
            [Document(text=paper.text, metadata={}, doc_id=paper.id) for paper in task.papers],
            transformations=[SentenceSplitter(chunk_size=task.setting, chunk_overlap=overlap)],
            embed_model=embedder,
        )
        self._index.storage_context.persist(task.folder)
        self._synthesizer = get_response_synthesizer(llm=_model(task))

    def search(self, question: str, k: int) -> list[Hit]:
        """The nearest chunks."""
        nodes = self._index.as_retriever(similarity_top_k=k).retrieve(question)
        return [Hit(node.node.ref_doc_id, node.node.get_content(MetadataMode.NONE)) for node in nodes]

    def answer(self, question: str, without: Collection[str]) -> PeerAnswer:
        """What the synthesizer makes of the chunks, in as many calls as it takes."""
        hits = shown(self, question, without)
        nodes = [NodeWithScore(node=TextNode(text=hit.text), score=1.0) for hit in hits]
        return PeerAnswer(text=str(self._synthesizer.synthesize(question, nodes)), cited=sources(hits), hits=hits)


def _model(task: Task) -> Any:
    if task.model is None:
        return MockLLM()
    return OpenAILike(
        model=task.model.name, api_base=task.model.base_url, api_key="none", is_chat_model=True, context_window=8192
    )


if __name__ == "__main__":
    serve(LlamaIndex)
