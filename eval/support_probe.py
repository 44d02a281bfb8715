"""How often the grounding calls a true, a softened or a false sentence supported, over the abstracts of any library."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from eval.files import pretty, read_text, write_atomically
from eval.statistics import Estimate, estimate
from eval.support_variants import KEEPS_MEANING, KINDS, Kind, usable, variants
from rag.errors import RequestError
from rag.grounding.grounding import Grounding
from rag.text.sentences import spans
from rag.types import Paper, Passage, PassageSentence, Verdict

FILE = "support_probe.json"
"""The file beside a run that holds the result for its papers."""
MOST_PAPERS = 200

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_WORST_FIRST: tuple[Verdict, ...] = ("contradicted", "unsupported", "partial", "supported")
_SENTENCES_PER_PAPER = 3


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A sentence of an abstract, changed, with its citation; and what the grounding said of it."""

    paper_id: str
    kind: Kind
    original: str
    text: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Of the trials of a kind, the share with each verdict (0 to 1, the interval clustered by paper)."""

    kind: Kind
    keeps_meaning: bool
    count: int
    verdicts: dict[Verdict, Estimate]


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """The shares of each kind over the sentences of so many papers."""

    papers: int
    kinds: tuple[Shares, ...]


def probe(papers: Sequence[Paper]) -> list[Trial]:
    """Every kind of change, of up to three sentences of each paper."""
    return [trial for paper in papers for trial in _of_paper(paper)]


def probe_evenly(papers: Sequence[Paper], limit: int) -> tuple[ProbeResult, list[Trial]]:
    """Probe at most so many papers, spread over all. Raises RequestError if none of them can be changed."""
    chosen = papers[:: max(1, -(-len(papers) // limit))]
    trials = probe(chosen)
    if not trials:
        raise RequestError(f"no sentence of these {len(chosen)} papers is long enough to be changed; give other papers")
    return ProbeResult(papers=len(chosen), kinds=tuple(summarise(trials))), trials


def write(path: Path, found: ProbeResult, trials: Sequence[Trial]) -> None:
    """Write the shares, and every sentence with its verdict."""
    write_atomically(path, pretty({**asdict(found), "trials": [asdict(trial) for trial in trials]}))


def read(folder: Path) -> ProbeResult | None:
    """The shares in the file beside a run; None if there is no such file. Raises RequestError."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        found = json.loads(read_text(path))
        return ProbeResult(papers=found["papers"], kinds=tuple(_parse(row) for row in found["kinds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path} is damaged: {error!r}; delete it, and run with --support-probe again") from error


def summarise(trials: Sequence[Trial]) -> list[Shares]:
    """One row for each kind that was tried, in the order of KINDS."""
    by_kind: dict[Kind, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_kind[trial.kind].append(trial)
    return [_shares(kind, by_kind[kind]) for kind in KINDS if by_kind[kind]]


def _parse(row: Mapping[str, Any]) -> Shares:
    return Shares(**{**row, "verdicts": {verdict: Estimate(**e) for verdict, e in row["verdicts"].items()}})


def _shares(kind: Kind, trials: Sequence[Trial]) -> Shares:
    clusters = [trial.paper_id for trial in trials]
    verdicts = {v: estimate([float(trial.verdict == v) for trial in trials], clusters) for v in VERDICTS}
    return Shares(kind=kind, keeps_meaning=kind in KEEPS_MEANING, count=len(trials), verdicts=verdicts)


def _of_paper(paper: Paper) -> Iterator[Trial]:
    passage = whole(paper)
    sentences = usable([sentence.text for sentence in passage.sentences])
    step = max(1, len(sentences) // _SENTENCES_PER_PAPER)
    for position, sentence in enumerate(sentences[::step][:_SENTENCES_PER_PAPER]):
        for kind, text in variants(sentence, paper.abstract, f"{paper.id} {position}").items():
            verdict, reason = verdict_on(text, passage)
            yield Trial(paper_id=paper.id, kind=kind, original=sentence, text=text, verdict=verdict, reason=reason)


def whole(paper: Paper) -> Passage:
    """The abstract as one passage with all its sentences, as retrieval gives it for a short abstract."""
    text = paper.abstract
    sentences = tuple(
        PassageSentence(start=span.start, end=span.end, text=text[span.start : span.end], similarity=0.0)
        for span in spans(text)
    )
    return Passage(number=1, paper=paper, text=text, score=1.0, end=len(text), sentences=sentences)


def verdict_on(text: str, passage: Passage) -> tuple[Verdict, str]:
    """What the grounding says of a sentence that cites the passage; the worst if it takes it for several sentences."""
    grounding = Grounding([passage])
    grounding.feed(f"{text.rstrip('.')} [{passage.number}].")
    grounding.flush()
    found = [sentence for sentence in grounding.result.sentences if sentence.citations]
    if not found:
        return "unsupported", "it was taken for a refusal"
    worst = min(found, key=lambda sentence: _WORST_FIRST.index(sentence.support))
    return worst.support, worst.reason
