"""Fits the model of the likeliest sentence to questions, and writes `rag/data/sentence_scoring.json`.

    python -m eval.fit_sentences --field LIBRARY QUESTIONS WEIGHT [--field LIBRARY QUESTIONS WEIGHT ...]

An example is a gold paper of a question; a sentence of it counts as right if it has a key fact, or stands word for word
in the reference answer (as the conclusion of a PubMedQA abstract does). The weights maximise the log-likelihood of a
right sentence among those of its abstract (a conditional logit, McFadden 1974), because which of them comes first is
what the model is for; a logistic regression on its score then makes probabilities. WEIGHT is how much an example of the
field counts. Printed is how often the first sentence, or one of the first two, is right, with the papers of its fold
left out. Needs the `fit` extra.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from eval import questions
from eval.questions import Question
from eval.words import says_any
from rag import condense
from rag.corpus.identity import normalised_title
from rag.engine import TOP_K
from rag.library.library import Library
from rag.retrieval import HybridRetriever
from rag.text.analysis import content_stems
from rag.types import Filters
from rag.workspace import Workspace
from rag.writers import sentence_scoring

FOLDS = 6
SHRINKAGE = 3e-3
"""Of the weights of standardised signals, beside a mean log-likelihood of about -1."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """The sentences of one gold paper: `signals`, shape (sentences, signals), and which of them are right."""

    field: str
    paper: str
    signals: Matrix
    right: NDArray[np.bool_]
    weight: float


async def examples(library: Library, asked: Sequence[Question], weight: float) -> list[Example]:
    """One for each gold paper of an answerable question of which some sentences are right, and some are not."""
    papers = await library.papers(0, (await library.counts()).papers)
    ids = {normalised_title(paper.title): paper.id for paper in papers}
    retriever = HybridRetriever(library, library.embedder)
    found = []
    for question in asked:
        known = " ".join([*(turn.content for turn in question.history), question.question])
        standalone = condense.with_exchange(question.question, question.history)
        idf = library.idf(content_stems(question.question))
        for paper in (*question.gold_ids, *(ids[normalised_title(title)] for title in question.gold_titles)):
            for passage in await retriever.retrieve(standalone, TOP_K, Filters(papers=(paper,))):
                right = np.array([_is_right(sentence.text, question) for sentence in passage.sentences])
                if right.any() and not right.all():
                    rows = sentence_scoring.signals(question.question, known, passage, idf)
                    found.append(Example(library.name, paper, rows, right, weight))
    return found


def _is_right(sentence: str, question: Question) -> bool:
    answers = " ".join(question.answer.split())
    verbatim = not question.key_facts and " ".join(sentence.split()) in answers
    return verbatim or any(says_any(sentence, fact) for fact in question.key_facts)


def conditional_logit(found: Sequence[Example]) -> Matrix:
    """Weights of the raw signals, shape (signals,)."""
    rows = np.vstack([example.signals for example in found])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = (rows - mean) / spread
    right = np.concatenate([example.right for example in found])
    starts = np.cumsum([0, *(len(example.right) for example in found[:-1])])
    of = np.repeat(np.arange(len(found)), [len(example.right) for example in found])
    counts = np.array([example.weight for example in found])
    counts /= counts.sum()

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        scores = scaled @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, starts)[of])
        every, good = np.add.reduceat(powers, starts), np.add.reduceat(powers * right, starts)
        slope = scaled.T @ ((powers / every[of] - powers * right / good[of]) * counts[of])
        value = -float(counts @ (np.log(good) - np.log(every))) + SHRINKAGE * float(weights @ weights)
        return value, slope + 2 * SHRINKAGE * weights

    fitted = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    return np.asarray(fitted / spread)


def calibrated(weights: Matrix, found: Sequence[Example]) -> tuple[Matrix, float]:
    """The weights and a bias that make the score the log-odds of a sentence being right."""
    scores = np.concatenate([example.signals @ weights for example in found])
    right = np.concatenate([example.right for example in found])
    counts = np.concatenate([np.full(len(example.right), example.weight) for example in found])
    slope = LogisticRegression(C=1e6).fit(scores[:, None], right, sample_weight=counts)
    return weights * slope.coef_[0, 0], float(slope.intercept_[0])


def report(found: Sequence[Example]) -> None:
    """Print for each field how often the likeliest sentence, or one of the two likeliest, is right."""
    ranks: dict[str, list[int]] = {}
    for train, test in GroupKFold(FOLDS).split(found, groups=[f"{e.field} {e.paper}" for e in found]):
        weights = conditional_logit([found[i] for i in train])
        for example in (found[i] for i in test):
            order = np.argsort(-(example.signals @ weights))
            ranks.setdefault(example.field, []).append(int(np.argmax(example.right[order])))
    for field, places in ranks.items():
        first, second = np.mean(np.array(places) == 0), np.mean(np.array(places) <= 1)
        print(f"{field}, out of fold: first {first:.3f}, among the first two {second:.3f} (n={len(places)})")


def write(found: Sequence[Example]) -> None:
    """Fit to all examples, and write the file that `rag` reads."""
    weights, bias = calibrated(conditional_logit(found), found)
    named = {name: round(float(weight), 4) for name, weight in zip(sentence_scoring.SIGNALS, weights, strict=True)}
    path = Path(str(files("rag").joinpath("data/sentence_scoring.json")))
    path.write_text(json.dumps({"weights": named, "bias": round(bias, 4)}, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.name}: {len(named)} weights")


async def fit(fields: Sequence[tuple[str, Path, float]]) -> None:
    """Fit to questions on the papers of their libraries."""
    found: list[Example] = []
    async with Workspace() as workspace:
        for name, path, weight in fields:
            asked = [question for question in questions.load(path) if question.answerable]
            found += await examples(await workspace.library(name), asked, weight)
    report(found)
    write(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--field", nargs=3, action="append", required=True, metavar=("LIBRARY", "QUESTIONS", "WEIGHT"))
    asyncio.run(fit([(name, Path(path), float(weight)) for name, path, weight in parser.parse_args().field]))
