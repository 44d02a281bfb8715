"""Fits the decision whether the passages answer to questions, and writes `rag/data/answerability.json`.

    python -m eval.fit --field LIBRARY QUESTIONS [--field LIBRARY QUESTIONS ...]

It is fitted to all of the first field and to half of the papers of the others, and reported on the other half: a
logistic regression on standardised signals (scikit-learn), folded back into weights for the raw ones. The threshold is
the out-of-fold confidence below which OVER_REFUSAL of the answerable questions of the first field fall. Needs the `fit`
extra. `fit_sentences.py` fits which sentence answers.
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
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from eval import questions
from eval.decision_examples import Example, Field, Kind, examples, split_by_group
from eval.metrics.abstention import auroc
from rag.workspace import Workspace

OVER_REFUSAL = 0.035
SENTENCE_STRENGTH = 0.05
DECISION_STRENGTH = 0.05
"""Inverse regularisation, scikit-learn's C: both models have as many signals as fit on a page and few examples."""
FOLDS = 8
WEIGHTS: dict[Kind, float] = {"present": 1, "removed": 1, "unanswerable": 2, "replaced": 0.2, "off_topic": 0.25}
"""How much an example counts: unanswerable questions are few, and the made ones are not what people ask."""
FITTED_SWAPS = ("word", "phrase", "added", "age", "place", "condition", "substance", "architecture")
"""The other kinds of replaced restrictions are only reported, to see what carries over to what was not fitted."""
RARE_BUT_CERTAIN = ("metric_without_number", "count_without_number", "restriction_unmet")
FREEDOM = 4.0
"""These signals are 1 for a tenth of the questions that are not answered and for few others, and so rare that the
regularisation of the others would take most of their weight; theirs is weaker by the square of this.
"""

Matrix = NDArray[np.float64]


def logistic(
    rows: Matrix, labels: NDArray[np.bool_], names: Sequence[str], strength: float, counts: Matrix | None = None
) -> dict[str, Any]:
    """Weights for raw signals, and a bias; `counts` is how much each row counts, all the same unless given."""
    scale = StandardScaler().fit(rows, sample_weight=counts)
    scale.scale_ /= np.array([FREEDOM if name in RARE_BUT_CERTAIN else 1.0 for name in names])
    regression = LogisticRegression(C=strength, max_iter=5000).fit(scale.transform(rows), labels, sample_weight=counts)
    weights = regression.coef_[0] / scale.scale_
    bias = float(regression.intercept_[0] - scale.mean_ @ weights)
    return {"weights": {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}, "bias": round(bias, 4)}


def fit_decision(found: Sequence[Example]) -> dict[str, Any]:
    """The weights of the decision, from the examples that they decide on."""
    found = [e for e in found if not e.hopeless and (e.kind != "replaced" or e.swap in FITTED_SWAPS)]
    rows = np.array([list(example.signals.values()) for example in found])
    labels = np.array([example.kind == "present" for example in found])
    counts = np.array([WEIGHTS[example.kind] for example in found])
    return logistic(rows, labels, list(found[0].signals), DECISION_STRENGTH, counts)


def confidence(fitted: dict[str, Any], found: Sequence[Example]) -> Matrix:
    """The probability that the passages answer, for each example."""
    weights = np.array(list(fitted["weights"].values()))
    rows = np.array([list(example.signals.values()) for example in found])
    hopeless = np.array([example.hopeless for example in found])
    return np.where(hopeless, 0.0, 1 / (1 + np.exp(-(rows @ weights + fitted["bias"]))))


def out_of_fold(found: Sequence[Example]) -> Matrix:
    """The confidence of each example by a model fitted without the papers of its fold."""
    scores = np.zeros(len(found))
    groups = [example.group for example in found]
    for train, test in GroupKFold(FOLDS).split(found, groups=groups):
        scores[test] = confidence(fit_decision([found[i] for i in train]), [found[i] for i in test])
    return scores


def report(label: str, found: Sequence[Example], scores: Matrix, at: float) -> None:
    """Print, for each kind of example, how many are declined at a threshold, and the AUROC of present and removed."""
    kinds: dict[str, Matrix] = {kind: scores[[example.kind == kind for example in found]] for kind in WEIGHTS}
    pairs = [*((s, True) for s in kinds["present"]), *((s, False) for s in kinds["removed"])]
    area = auroc([float(s) for s, _ in pairs], [ok for _, ok in pairs])
    swaps = sorted({example.swap for example in found if example.swap})
    kinds |= {f"{swap} replaced": scores[[example.swap == swap for example in found]] for swap in swaps}
    shares = [f"{kind} declined {np.mean(s < at):.3f} (n={len(s)})" for kind, s in kinds.items() if len(s)]
    print(f"{label}: {', '.join(shares)}" + (f", AUROC {area:.3f}" if area is not None else ""))


def _write(name: str, fitted: dict[str, Any]) -> None:
    path = Path(str(files("rag").joinpath(f"data/{name}.json")))
    path.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.name}: {len(fitted['weights'])} weights")


async def fit(named: Sequence[tuple[str, Path]]) -> None:
    """Fit to questions on the papers of their libraries, and write the file."""
    async with Workspace() as workspace:
        fields = [Field(library=await workspace.library(n), questions=questions.load(path)) for n, path in named]
        found = await examples(fields)
    first = fields[0].library.name
    others, held_out = split_by_group(e for e in found if e.field != first or e.kind == "off_topic")
    train = [e for e in found if e.field == first and e.kind != "off_topic"] + others
    scores = out_of_fold(train)
    single = [e.field == first and e.kind == "present" and e.single for e in train]
    at = round(float(np.quantile(scores[single], OVER_REFUSAL)), 4)
    fitted = fit_decision(train)
    own = [i for i, e in enumerate(train) if e.field == first]
    report(f"{first}, out of fold at {at}", [train[i] for i in own], scores[own], at)
    for name in dict.fromkeys(e.field for e in held_out):
        half = [e for e in held_out if e.field == name]
        report(f"{name}, papers not fitted to", half, confidence(fitted, half), at)
    _write("answerability", {**fitted, "answer_from": at})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--field", nargs=2, action="append", required=True, metavar=("LIBRARY", "QUESTIONS"))
    asyncio.run(fit([(name, Path(path)) for name, path in parser.parse_args().field]))
