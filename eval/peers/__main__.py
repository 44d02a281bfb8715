"""Scholiast beside other systems on the same questions, each in its own environment.

    python -m eval.peers install langchain_chroma bm25
    python -m eval.peers compare --out build/peers.json
    python -m eval.peers compare --name scifact --import beir scifact --split train --out build/scifact.json
    python -m eval.peers compare --name mine --questions my.jsonl --papers papers.bib --pipeline 60 --model-base-url URL
    python -m eval.peers tune langchain_chroma --questions dev.jsonl --papers pages
    python -m eval.peers guard

Without files the bundled held-out questions are asked; `tune` takes development questions and refuses those. `guard` is
a small comparison whose table says where Scholiast is behind. A comparison exits with 0 whoever wins.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.files import pretty, write_atomically
from eval.metrics.retrieval import ndcg
from eval.peers import SYSTEMS, datasets, measure, tables
from eval.peers.client import peer
from eval.peers.compare import Plan, compare
from eval.peers.datasets import Dataset, asked
from eval.peers.install import install
from eval.peers.serve import Model
from eval.questions import PaperRef
from eval.terminal import progress
from rag.errors import RequestError, ScholiastError

GUARD = ("bm25", "langchain_chroma", "haystack")
GUARD_QUESTIONS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it was done, 1 with a message if not."""
    options = _options(arguments)
    try:
        _COMMANDS[options.command](options)
    except ScholiastError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _install(options: argparse.Namespace) -> None:
    for name in options.names:
        print(f"{name}: {install(name)}")


def _compare(options: argparse.Namespace) -> None:
    dataset = _dataset(options)
    dataset = dataset.sampled(options.limit)
    model = Model(options.model_base_url, options.model) if options.model_base_url else None
    plan = Plan(
        dataset=dataset,
        systems=options.only or SYSTEMS,
        pipeline=options.pipeline,
        model=model,
        seconds=options.seconds,
        tuned=options.tuned,
    )
    with progress("asking") as report:
        content = compare(plan, report).as_json()
    if options.out:
        write_atomically(options.out, pretty(content))
    print(tables.all_layers(content))


def _guard(options: argparse.Namespace) -> None:
    plan = Plan(dataset=datasets.sample().sampled(GUARD_QUESTIONS), systems=GUARD)
    with progress("asking") as report:
        content = compare(plan, report).as_json()
    print(tables.all_layers(content))


def _tune(options: argparse.Namespace) -> None:
    """nDCG@10 with each value of the peer's setting."""
    if not (options.questions or options.format):
        raise RequestError("tune needs development questions: --questions and --papers, or --import")
    dataset = _dataset(options).sampled(options.limit)
    judged = [question for question in dataset.questions if question.gold]
    for name in options.names:
        with peer(name) as process:
            setting = process.about["setting"]
        for value in setting["tried"]:
            with peer(name) as process:
                process.build(dataset.papers, value)
                titles = dataset.titles
                total = 0.0
                for question in judged:
                    hits, _ = process.search(asked(question), measure.PASSAGES)
                    papers = dict.fromkeys(question.key(PaperRef(hit.paper, titles[hit.paper])) for hit in hits)
                    total += ndcg(list(papers), question.gold, 10)
            print(f"{name}: {setting['name']} {value}: nDCG@10 {total / len(judged):.3f}", flush=True)


def _dataset(options: argparse.Namespace) -> Dataset:
    if options.format:
        format, *paths = options.format
        return datasets.published(
            options.name or format, format, [Path(p) for p in paths], options.papers, options.split
        )
    if options.questions:
        if not options.papers:
            raise RequestError("--questions needs the papers that they are on: --papers FILE...")
        return datasets.of_files(options.name or options.questions[0].stem, options.questions, options.papers)
    return datasets.sample()


_COMMANDS = {"install": _install, "compare": _compare, "guard": _guard, "tune": _tune}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    names = commands.add_parser("install", help="make environments")
    names.add_argument("names", nargs="+", metavar="NAME", help=", ".join(SYSTEMS))
    commands.add_parser("guard", help="a small fixed comparison")
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("--questions", type=Path, nargs="+", help="JSONL of question records")
    both.add_argument("--papers", type=Path, nargs="+", default=(), help="papers, in any format we read")
    both.add_argument("--import", dest="format", nargs="+", metavar=("FORMAT", "PATH"), help="a published set")
    both.add_argument("--split", default="test", help="of a published set")
    both.add_argument("--name", default="", help="of the dataset, in the file of results")
    both.add_argument("--limit", type=int, default=0, help="ask at most so many questions, at equal distances")
    tune = commands.add_parser("tune", parents=[both], help="try a peer's setting on development questions")
    tune.add_argument("names", nargs="+", metavar="NAME")
    run = commands.add_parser("compare", parents=[both], help="the whole comparison")
    run.add_argument("--only", nargs="+", metavar="NAME", help="systems to compare with, instead of all")
    run.add_argument("--pipeline", type=int, default=0, metavar="N", help="whole pipelines on N of the questions")
    run.add_argument("--model-base-url", default="", help="an OpenAI-compatible server; a stub without it")
    run.add_argument("--model", default="default", help="the model's name there")
    run.add_argument("--seconds", type=float, default=0.0, help="how long 1, 8 and 32 clients search, each")
    run.add_argument("--tuned", action="store_true", help="the others with their best setting instead of the default")
    run.add_argument("--out", type=Path, help="the file of results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
