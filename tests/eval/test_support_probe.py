"""The support probe changes sentences as it says, the same way each time, and reports what the grounding says."""

import json
from pathlib import Path

import pytest

from eval.support_probe import VERDICTS, probe, summarise
from eval.support_variants import KINDS, variants
from rag.types import Paper
from tests.support.eval_cases import evaluate

SENTENCE = "SpecNet significantly improves the accuracy by 12 points on LibriSpeech, and the loss is lower than before."
ABSTRACT = f"{SENTENCE} On VoxCeleb the gain of WaveFormer was 34 points in our tests."


def test_each_kind_changes_what_it_names() -> None:
    found = variants(SENTENCE, ABSTRACT, "seed")
    assert set(found) == set(KINDS)
    assert found["verbatim"] == SENTENCE
    assert " not " in found["negated"]
    assert "34" in found["number"] and "12" not in found["number"]
    assert {*found["name"].split()} - {*SENTENCE.split()} or found["name"].count("LibriSpeech") != 1
    assert len({*found.values()}) == len(KINDS)


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert variants(SENTENCE, ABSTRACT, "a") == variants(SENTENCE, ABSTRACT, "a")


def test_shares_of_a_kind_add_up_to_one() -> None:
    for shares in summarise(probe([Paper(id="p", title="SpecNet", abstract=ABSTRACT)])):
        assert sum(shares.verdicts[verdict].mean for verdict in VERDICTS) == pytest.approx(1.0)


def test_the_command_reports_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers, out = tmp_path / "papers.jsonl", tmp_path / "probe.json"
    papers.write_text(json.dumps({"id": "p", "title": "SpecNet", "abstract": ABSTRACT}) + "\n")
    assert evaluate("support-probe", "--papers", str(papers), "--out", str(out), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {kind["kind"] for kind in shown["kinds"]} == set(KINDS)
    assert json.loads(out.read_text())["trials"][0]["original"] == SENTENCE


def test_a_library_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert evaluate("support-probe", "--library", "nowhere") == 1
    assert "'nowhere'" in capsys.readouterr().err
