"""The whole comparison on one dataset: retrieval, one reader over all passages, and what systems answer themselves."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval import manifest, removal
from eval.peers import figures, measure
from eval.peers.client import PeerProcess, peer
from eval.peers.datasets import Dataset
from eval.peers.figures import PeerDifference, Values
from eval.peers.install import ENVIRONMENTS, OWN
from eval.peers.measure import PASSAGES, Progress
from eval.peers.reader import BUDGET_TOKENS
from eval.peers.serve import SHOWN, Model
from eval.peers.stub_model import NAME, StubModel, stub_model
from eval.questions import fingerprint
from rag.errors import BackendError, ScholiastError

SCHEMA = "peers/1"
WRITER = "scholiast, its own writer"
"""What Scholiast answers itself without a model, beside what the common reader makes of the others' passages."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compare: `pipeline` is how many questions are asked of the model, or of a stub where none is given.

    `seconds` is how long each number of clients searches; 0 for not at all. `tuned` gives the others their best setting
    on development questions instead of their default.
    """

    dataset: Dataset
    systems: Sequence[str]
    pipeline: int = 0
    model: Model | None = None
    seconds: float = 0.0
    tuned: bool = False
    environments: Path = ENVIRONMENTS


@dataclass
class Comparison:
    """What has been measured so far: values of the systems of each layer, and what each system is and took.

    `missing` has the systems that could not take part, with the reason.
    """

    plan: Plan
    layers: dict[str, dict[str, Values]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def differences(self) -> list[PeerDifference]:
        """Scholiast against every other system; where it writes itself, that is what is compared."""
        own = {layer: WRITER if WRITER in systems else OWN for layer, systems in self.layers.items()}
        return figures.differences(self.layers, self.plan.dataset.clusters, own)

    def as_json(self) -> dict[str, Any]:
        """The file of results."""
        plan, clusters = self.plan, self.plan.dataset.clusters
        return {
            "schema": SCHEMA,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "code": manifest.code(),
            "command": " ".join(["python -m eval.peers", *map(_without_folder, sys.argv[1:])]),
            "machine": _machine(),
            "dataset": {
                "name": plan.dataset.name,
                "papers": len(plan.dataset.papers),
                "questions": len(plan.dataset.questions),
                "answerable": sum(question.answerable for question in plan.dataset.questions),
                "questions_sha256": fingerprint(plan.dataset.questions),
            },
            "settings": {
                "passages": PASSAGES,
                "budget_tokens": BUDGET_TOKENS,
                "passages_for_a_model": SHOWN,
                "pipeline_questions": plan.pipeline,
                "model": plan.model.name if plan.model else "a stub that says the same to everybody",
            },
            "systems": {name: told for name, told in self.about.items() if name not in self.missing},
            "missing": self.missing,
            "layers": {
                layer: {name: figures.estimates(values, clusters) for name, values in systems.items()}
                for layer, systems in self.layers.items()
            },
            "differences": [each.as_json() for each in self.differences()],
        }


def compare(plan: Plan, progress: Progress) -> Comparison:
    """Run it all. A system that can't take part is listed as missing, unless it is Scholiast. Raises ScholiastError."""
    found = Comparison(plan)
    with _running(found, None) as systems:
        _search(found, systems, progress)
    if plan.pipeline and plan.model:
        with _running(found, plan.model) as systems:
            _answer(found, systems, progress)
    elif plan.pipeline:
        with stub_model() as stub, _running(found, Model(stub.base_url, NAME)) as systems:
            _answer(found, systems, progress)
            _count_calls(found, systems, stub)
    return found


@contextmanager
def _running(found: Comparison, model: Model | None) -> Iterator[dict[str, PeerProcess]]:
    """The systems with their indexes built; with a model only those that answer with it."""
    systems: dict[str, PeerProcess] = {}
    with ExitStack() as stack:
        for name in dict.fromkeys((OWN, *found.plan.systems)):
            try:
                process = stack.enter_context(peer(name, found.plan.environments))
                if model and not process.about["answers"]:
                    continue
                about = _with_setting(process.about, found.plan.tuned)
                built = process.build(found.plan.dataset.papers, about["setting"]["value"], model)
            except ScholiastError as error:
                if name == OWN:
                    raise
                found.missing[name] = str(error)
                continue
            systems[name] = process
            found.about.setdefault(name, {**about, "build": figures.rounded(built)})
        yield systems


def _with_setting(about: Mapping[str, Any], tuned: bool) -> dict[str, Any]:
    """What a peer says of itself, with the value that its setting has in this comparison."""
    setting = about["setting"]
    value = setting["tuned"] if tuned and setting["tuned"] is not None else setting["value"]
    return {**about, "setting": {**setting, "value": value}}


def _search(found: Comparison, systems: Mapping[str, PeerProcess], progress: Progress) -> None:
    """The layers without a model, and what they take."""
    dataset = found.plan.dataset
    ranked, read = found.layers.setdefault("retrieval", {}), {}
    searched, failed = measure.search_all(systems, dataset, progress)
    if OWN in failed:
        raise failed[OWN]
    found.missing |= {name: str(error) for name, error in failed.items()}
    for name, searches in searched.items():
        present = measure.read_all(name, dataset, searches)
        ranked[name] = figures.of_searches(dataset, searches, present)
        removed = measure.read_all(name, dataset, searches, with_gold=False)
        read[name] = figures.of_answers(present, removed)
        found.about[name]["reader_auroc"] = removal.compare(present, removed).auroc
    for name in searched:
        process = systems[name]
        found.about[name]["usage"] = figures.rounded(process.usage())
        if found.plan.seconds:
            rows = measure.throughput(process, dataset, found.plan.seconds)
            found.about[name]["throughput"] = [figures.rounded(row) for row in rows]
    own = {OWN: systems[OWN]}
    (present, _), (removed, _) = (
        measure.answer_all(own, dataset, progress, with_gold=with_gold)[OWN] for with_gold in (True, False)
    )
    found.layers["reader"] = read
    others = {name: values for name, values in read.items() if name != OWN}
    found.layers["product"] = {WRITER: figures.of_answers(present, removed), **others}


def _answer(found: Comparison, systems: Mapping[str, PeerProcess], progress: Progress) -> None:
    """The layer of whole pipelines with a model."""
    dataset = found.plan.dataset.sampled(found.plan.pipeline)
    present = measure.answer_all(systems, dataset, progress)
    removed = measure.answer_all(systems, dataset, progress, with_gold=False)
    found.layers["pipeline"] = {
        name: {
            **figures.of_answers(scores, removed[name][0]),
            "ms": {row.id: row.latency_ms for row in scores.rows if not row.failed and row.latency_ms is not None},
            "cpu_ms": cpu,
        }
        for name, (scores, cpu) in present.items()
    }
    for name, (scores, _) in present.items():
        found.about[name]["pipeline_failures"] = scores.failed


def _count_calls(found: Comparison, systems: Mapping[str, PeerProcess], stub: StubModel) -> None:
    """How often each system calls its model for a question, and with how many tokens: of one question."""
    question = found.plan.dataset.questions[0].question
    for name, process in systems.items():
        calls, prompt = stub.calls, stub.prompt_tokens
        with suppress(BackendError):  # a system that fails has said so already
            process.answer(question)
        spent = {"calls": stub.calls - calls, "prompt_tokens": stub.prompt_tokens - prompt}
        found.about[name]["model_use"] = spent


def _machine() -> dict[str, Any]:
    """The processor, how many there are, and how busy they were."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "load_1_5_15_minutes": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
    }


def _without_folder(argument: str) -> str:
    """An argument as it may be published: of a path its last part."""
    return Path(argument).name if os.sep in argument else argument
