"""Fits the two small models of the embedded default to development questions, and writes the files that `rag` reads.

    python -m eval.fit --library NAME QUESTIONS...

`data/sentence_scoring.json`: which sentence of an abstract holds the answer; a sentence of a gold paper counts if it
has a key fact. `data/answerability.json`: whether the passages answer at all. Both are logistic regressions on
standardised signals (scikit-learn), folded back into weights for the raw ones. The threshold is the out-of-fold
confidence below which OVER_REFUSAL of the answerable questions fall. Needs the `fit` extra.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval import questions
from eval.questions import Question
from eval.words import says_any
from rag import answerability, condense
from rag.corpus.identity import normalised_title
from rag.engine import TOP_K
from rag.library.library import Library
from rag.retrieval import HybridRetriever
from rag.text.analysis import content_stems
from rag.types import EVERYTHING, Filters, Passage
from rag.workspace import Workspace
from rag.writers import sentence_scoring

OVER_REFUSAL = 0.035
SENTENCE_STRENGTH = 0.05
DECISION_STRENGTH = 0.1
"""Inverse regularisation, scikit-learn's C: both models have as many signals as fit on a page and few examples."""
FOLDS = 10

Matrix = NDArray[np.float64]


async def _passages(library: Library, question: Question, filters: Filters = EVERYTHING) -> Sequence[Passage]:
    standalone = condense.with_exchange(question.question, question.history)
    return await HybridRetriever(library, library.embedder).retrieve(standalone, TOP_K, filters)


async def _gold_ids(library: Library) -> dict[str, str]:
    papers = await library.papers(0, (await library.counts()).papers)
    return {normalised_title(paper.title): paper.id for paper in papers}


async def sentence_examples(library: Library, asked: Sequence[Question]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Signals of every sentence of every gold paper, and whether the sentence has a key fact."""
    ids = await _gold_ids(library)
    rows: list[Matrix] = []
    labels: list[bool] = []
    for question in asked:
        known = " ".join([*(turn.content for turn in question.history), question.question])
        for title in question.gold_titles:
            only = Filters(papers=(ids[normalised_title(title)],))
            for passage in await _passages(library, question, only):
                idf = library.idf(content_stems(question.question))
                rows.append(sentence_scoring.signals(question.question, known, passage, idf))
                labels += [
                    any(says_any(sentence.text, fact) for fact in question.key_facts) for sentence in passage.sentences
                ]
    return np.vstack(rows), np.array(labels)


async def decision_examples(library: Library, asked: Sequence[Question]) -> list[dict[str, float]]:
    """Signals of every question with its passages."""
    return [answerability.signals(q.question, await _passages(library, q), library) for q in asked]


def logistic(rows: Matrix, labels: NDArray[np.bool_], names: Sequence[str], strength: float) -> dict[str, Any]:
    """Weights for raw signals, and a bias."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000)).fit(rows, labels)
    scale, regression = model[0], model[1]
    weights = regression.coef_[0] / scale.scale_
    bias = float(regression.intercept_[0] - scale.mean_ @ weights)
    return {"weights": {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}, "bias": round(bias, 4)}


def threshold(rows: Matrix, answerable: NDArray[np.bool_], strength: float) -> float:
    """The confidence below which OVER_REFUSAL of the answerable questions fall, each judged by a model without it."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    confidence = cross_val_predict(model, rows, answerable, cv=folds, method="predict_proba")[:, 1]
    at = float(np.quantile(confidence[answerable], OVER_REFUSAL))
    print(f"out of fold: {np.mean(confidence[~answerable] < at):.3f} of the unanswerable declined at {at:.3f}")
    return round(at, 4)


def _write(name: str, fitted: dict[str, Any]) -> None:
    path = Path(str(files("rag").joinpath(f"data/{name}.json")))
    path.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.name}: {len(fitted['weights'])} weights")


async def fit(library_name: str, paths: Sequence[Path]) -> None:
    """Fit to all the questions of the files, which are about the papers of one library, and write both files."""
    asked = [question for path in paths for question in questions.load(path)]
    async with Workspace() as workspace:
        library = await workspace.library(library_name)
        sentences, has_fact = await sentence_examples(library, [q for q in asked if q.answerable])
        _write("sentence_scoring", logistic(sentences, has_fact, sentence_scoring.SIGNALS, SENTENCE_STRENGTH))
        sentence_scoring.fitted.cache_clear()
        examples = await decision_examples(library, asked)
        rows = np.array([list(signals.values()) for signals in examples])
        answerable = np.array([question.answerable for question in asked])
        fitted = logistic(rows, answerable, list(examples[0]), DECISION_STRENGTH)
        _write("answerability", {**fitted, "answer_from": threshold(rows, answerable, DECISION_STRENGTH)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--library", default="default")
    parser.add_argument("questions", nargs="+", type=Path)
    arguments = parser.parse_args()
    asyncio.run(fit(arguments.library, arguments.questions))
