"""Scholiast itself, through its public Python interface, in the environment that runs the comparison."""

from collections.abc import Collection

from eval.peers.serve import SHOWN, Hit, PeerAnswer, Setting, Task, serve
from rag import Filters, Paper, Settings, SyncWorkspace
from rag.types import EVERYTHING

_DECLINED = ("not_in_abstracts", "out_of_scope", "empty_library")


class Scholiast:
    """The product with the settings that it comes with; without a model it composes answers from sentences."""

    packages = ("scholiast",)
    setting = Setting("settings", "as they come", tried=("as they come",))
    thread_safe = True

    def build(self, task: Task) -> None:
        """Ingest the papers into a library in the folder."""
        settings = Settings(home=task.folder, _env_file=None)  # type: ignore[call-arg]  # pydantic's own
        if task.model:
            chosen = {"model": f"openai:{task.model.name}", "model_base_url": task.model.base_url}
            settings = settings.model_copy(update=chosen)
        self._workspace = SyncWorkspace(settings)
        papers = [Paper(id=paper.id, title=paper.title, abstract=paper.abstract) for paper in task.papers]
        self._workspace.ingest(*papers)
        self._ids = [paper.id for paper in task.papers]

    def search(self, question: str, k: int) -> list[Hit]:
        """One passage of each of the best papers."""
        return [Hit(passage.paper.id, passage.text) for passage in self._workspace.search(question, limit=k)]

    def answer(self, question: str, without: Collection[str]) -> PeerAnswer:
        """The answer, and the papers that its text cites."""
        rest = tuple(id for id in self._ids if id not in without)
        answer = self._workspace.ask(question, filters=Filters(papers=rest) if without else EVERYTHING, top_k=SHOWN)
        return PeerAnswer(
            text=answer.text,
            cited=list(dict.fromkeys(citation.paper.id for citation in answer.citations)),
            hits=[Hit(passage.paper.id, passage.text) for passage in answer.passages],
            declined=answer.outcome in _DECLINED,
        )


if __name__ == "__main__":
    serve(Scholiast)
