"""A deep answer in the terminal shows from which abstracts it was written, and why."""

from collections.abc import Callable
from pathlib import Path

import pytest
import respx

from rag.types import Paper
from tests.conftest import QUESTION, CommandResult
from tests.support.deep_llm import DeepModel
from tests.support.wire import BASE_URL, URL, router

__all__ = ["router"]


def test_the_terminal_shows_the_grade_of_each_abstract_and_why(
    scholiast: Callable[..., CommandResult],
    home: Path,
    papers: list[Paper],
    router: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    title = papers[0].title
    model = DeepModel([{QUESTION: ["Hydra heads"]}], {title: 9}, [("Hydra++ is the best recipe.", title)])
    router.post(URL).mock(side_effect=model.respond)
    monkeypatch.setenv("SCHOLIAST_MODEL", "openai:cli-deep")
    monkeypatch.setenv("SCHOLIAST_MODEL_BASE_URL", BASE_URL)
    monkeypatch.setenv("SCHOLIAST_MODEL_CONTEXT_TOKENS", "64000")
    ran = scholiast("ask", QUESTION, "--effort", "deep")
    assert ran.code == 0 and "Evidence" in ran.out
    assert "[1] 9/10 About" in ran.out
