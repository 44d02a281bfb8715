"""Runs of TREC's RAG track (2024 and 2025): answers as JSON Lines, and the ranking as a TREC run file.

An answer is a list of sentences that cite `references`, by position or (2025) by id; the guidelines allow 400 words and
100 references. A run file has `topic Q0 document rank score tag` lines.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.exchange.foreign import Context, ForeignAnswer, text_of, usable_id
from eval.exchange.own import ExportedRow, ExportedRun
from eval.files import format_errors, json_lines, read_json_lines, read_text
from eval.metrics.citations import answer_sentences
from eval.reply import AnswerSentence
from eval.words import without_marks
from rag.errors import RequestError

LOSES = (
    "histories, key facts and reference answers of questions, passages and quotes, what is shown after an answer, "
    "outcomes (refusals are read from words), confidence, times, and questions without an answer"
)
RANKING_SUFFIX = ".run"
_ESCAPED_SPACE = "%20"  # fields are separated by white space


def read(paths: Sequence[Path]) -> list[ForeignAnswer]:
    """The answers of a file, ranked by a run file if a second one is given. Raises RequestError."""
    ranking = _ranking(paths[1]) if len(paths) > 1 else {}
    with format_errors(paths[0]):
        return [_answer(row, ranking) for row in read_json_lines(paths[0])]


def write(run: ExportedRun) -> dict[str, str]:
    """The answers as the 2025 track takes them, and the run file of what search returned."""
    tag = "-".join(run.name.split()) or "scholiast"
    ranking = [
        f"{_field(row.case.question.id)} Q0 {_field(paper.id)} {rank} {1 / rank:.6f} {tag}\n"
        for row in run.rows
        for rank, paper in enumerate(dict.fromkeys(row.case.reply.ranked), start=1)
    ]
    return {
        "": json_lines(_answered(row, tag) for row in run.rows if row.answered),
        RANKING_SUFFIX: "".join(ranking),
    }


def _answered(row: ExportedRow, tag: str) -> dict[str, Any]:
    question, reply = row.case.question, row.case.reply
    ids = {passage.number: passage.paper.id for passage in reply.shown}
    references = list(dict.fromkeys(ids.values()))
    return {
        "metadata": {
            "team_id": tag,
            "run_id": tag,
            "type": "automatic",
            "narrative_id": question.id,
            "narrative": question.question,
        },
        "references": references,
        "answer": [
            {"text": without_marks(s.text), "citations": [references.index(ids[n]) for n in s.numbers if n in ids]}
            for s in answer_sentences(row.case)
        ],
    }


def _answer(row: Mapping[str, Any], ranking: Mapping[str, tuple[str, ...]]) -> ForeignAnswer:
    about = row.get("metadata") or row
    topic = str(about["narrative_id"] if "narrative_id" in about else about["topic_id"])
    references = [usable_id(str(id)) for id in row.get("references") or ()]
    return ForeignAnswer(
        id=topic,
        question=text_of(about.get("narrative") or about.get("topic")),
        sentences=tuple(_sentence(part, references, topic) for part in row["answer"]),
        contexts=tuple(Context("", id) for id in references),
        ranked=ranking.get(topic, tuple(dict.fromkeys(references))),
    )


def _sentence(part: Mapping[str, Any], references: Sequence[str], topic: str) -> AnswerSentence:
    """A sentence with the numbers, from 1, of what it cites among the distinct references."""
    distinct = list(dict.fromkeys(references))
    numbers = []
    for cited in part.get("citations") or ():
        if isinstance(cited, int) and 0 <= cited < len(references):
            numbers.append(distinct.index(references[cited]) + 1)
        elif isinstance(cited, str) and usable_id(cited) in distinct:
            numbers.append(distinct.index(usable_id(cited)) + 1)
        else:
            raise ValueError(f"topic {topic} cites {cited!r}, which is none of its {len(references)} references")
    return AnswerSentence(text=str(part["text"]), numbers=tuple(dict.fromkeys(numbers)))


def _ranking(path: Path) -> dict[str, tuple[str, ...]]:
    """The ids of each topic's papers, best first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if len(fields) != 6 or not fields[3].isdigit():
            raise RequestError(f"{path}:{number} is not `topic Q0 document rank score tag`: {line[:80]!r}")
        found.setdefault(_unescaped(fields[0]), []).append((int(fields[3]), usable_id(_unescaped(fields[2]))))
    return {topic: tuple(id for _, id in sorted(ranked)) for topic, ranked in found.items()}


def _field(text: str) -> str:
    return _ESCAPED_SPACE.join(text.split())


def _unescaped(text: str) -> str:
    return text.replace(_ESCAPED_SPACE, " ")
