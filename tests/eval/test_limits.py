"""Limits on the measures of trust: read from a file, checked beside a run, and told to CI."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval import limits, removal, robustness, support_probe
from eval import report as reporting
from eval.files import pretty, write_atomically
from eval.limits import Limit, LimitCheck
from rag.errors import RequestError
from tests.conftest import CommandResult
from tests.support.eval_cases import QUESTIONS, declining, evaluate, lost, oracle, supported, write_run


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with its papers and without, scored."""
    for place, system in ((tmp_path / "run", oracle), (tmp_path / "run" / removal.FOLDER, declining)):
        write_run(place, [system(question) for question in QUESTIONS])
        assert evaluate("score", str(place)) == 0
    return tmp_path / "run"


def test_every_measure_has_a_limit_by_default() -> None:
    known = {f"{section}.{name}" for section, names in limits._MEASURES.items() for name in names}
    assert limits.load().keys() == known


@pytest.mark.parametrize(
    ("value", "limit", "holds"),
    [
        (0.5, Limit(0.7, at_least=True), False),
        (0.65, Limit(0.7, at_least=True), True),  # its interval reaches 0.75
        (0.9, Limit(0.7, at_least=False), False),
        (0.75, Limit(0.7, at_least=False), True),
    ],
)
def test_a_limit_is_broken_only_beyond_the_interval(value: float, limit: Limit, holds: bool) -> None:
    found = LimitCheck(label="x", value=value, low=value - 0.1, high=value + 0.1, limit=limit)
    assert found.holds == holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "is not TOML"),
        ("below = 3", "'below' is no table of limits"),
        ("[at_most]\nspeed.fast = 1", "nothing is measured as 'speed'; there is baselines"),
        ("[at_most]\nsupport_probe.reversed = 1", "has no measure 'reversed'; there is verbatim"),
        ("[at_most]\nsupport_probe.negated = true", "negated is True; give a number"),
    ],
)
def test_a_file_of_limits_is_checked(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        limits.load(write(tmp_path / "limits.toml", text))


def test_the_gate_tells_ci_whether_the_limits_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    robustness.write(folder, [lost("upper_case", 0.04)])
    support_probe.write(folder / support_probe.FILE, supported(0.0), [])
    assert evaluate("gate", str(folder)) == 0
    assert "All 8 limits hold" in capsys.readouterr().out
    robustness.write(folder, [lost("upper_case", 0.3)])
    assert evaluate("gate", str(folder)) == 1
    assert (
        "Limits are broken: upper case: answered, minus as written (-0.300, at least -0.05)." in capsys.readouterr().out
    )
    looser = write(folder / "limits.toml", "[at_least]\nrobustness.upper_case = -0.5")
    assert evaluate("gate", str(folder), "--limits", str(looser)) == 0
    support_probe.write(folder / support_probe.FILE, supported(0.5), [])
    robustness.write(folder, [])
    assert evaluate("gate", str(folder)) == 1


def test_the_gate_holds_both_halves_against_those_of_a_baseline(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("gate", str(folder), "--baseline", str(folder)) == 0
    assert capsys.readouterr().out.count("No difference") == 2
    alone = write_run(tmp_path / "alone", [declining(question) for question in QUESTIONS]).folder
    assert evaluate("score", str(alone)) == 0
    assert evaluate("gate", str(alone)) == 2
    assert "has nothing that has a limit" in capsys.readouterr().err


def test_the_reports_show_other_words_the_probe_and_the_limits(folder: Path) -> None:
    robustness.write(folder, [lost("upper_case", 0.3)])
    support_probe.write(folder / support_probe.FILE, supported(0.0), [])
    page = reporting.read(folder)
    markdown, html = reporting.markdown(page), reporting.html(page)
    assert "| upper case: answered | 1.000 | 0.700 | -0.300 |" in markdown
    assert "| negated | not supported | 0.000 |" in markdown
    assert "| at least -0.05 | broken |" in markdown
    for section in ("robustness", "probe", "limits", "removal", "shape"):
        assert f'<section id="{section}">' in html and f'href="#{section}"' in html


@pytest.mark.parametrize("name", [robustness.FILE, support_probe.FILE])
def test_a_damaged_file_is_named(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_atomically(folder / name, pretty({"measures": [{}], "papers": 1, "kinds": [{}]}))
    assert evaluate("gate", str(folder)) == 2
    assert f"{name} is damaged" in capsys.readouterr().err


def test_a_single_pair_has_a_file_too(tmp_path: Path) -> None:
    one = lost("wrapped", 0, count=1)
    robustness.write(tmp_path, [one])
    assert robustness.read(tmp_path) == [one]


def test_only_a_local_run_can_be_probed(tmp_path: Path) -> None:
    for option in ("--robustness", "--support-probe"):
        assert evaluate("run", "--out", str(tmp_path / "run"), "--target", "http://127.0.0.1:1", option) == 2


@pytest.mark.slow
def test_one_command_measures_everything(scholiast: Callable[..., CommandResult], tmp_path: Path) -> None:
    questions, papers, out = tmp_path / "questions.jsonl", tmp_path / "papers.jsonl", tmp_path / "out"
    things = {"Alpha": "bitterness", "Beta": "temperature"}
    records = [
        {
            "title": f"The {name} study",
            "abstract": f"The {name} study measures {thing} of coffee, which was higher in forty large cups.",
        }
        for name, thing in things.items()
    ]
    asked = [
        {"id": name, "question": f"Where does the study measure {thing}?", "type": "factoid", "answerable": True,
         "gold_titles": [f"The {name} study"], "key_facts": [["forty"]]}
        for name, thing in things.items()
    ]  # fmt: skip
    write(papers, "".join(json.dumps(row) + "\n" for row in records))
    write(questions, "".join(json.dumps(row) + "\n" for row in asked))
    common = ("eval", "run", "--questions", questions, "--papers", papers, "--out", out)
    result = scholiast(*common, "--without-gold", "--robustness", "--support-probe", "--limits", limits.DEFAULT)
    assert result.code in (0, 1), result.err
    assert "Limits" in result.out and "negated" in result.out
    assert {row.variant for row in robustness.read(out)} == {*robustness.variants((), {}, ())}
    assert support_probe.read(out) is not None and removal.read(out) is not None
    assert scholiast(*common, "--fresh").code == 0
    assert robustness.read(out) == [] and support_probe.read(out) is None and removal.read(out) is None


def test_what_can_not_be_compared_outweighs_what_is_worse(folder: Path, tmp_path: Path) -> None:
    robustness.write(folder, [lost("upper_case", 0.3)])
    scores = json.loads((folder / "scores.json").read_text())
    other = write(tmp_path / "other.json", pretty({**scores, "questions_sha256": "other"}))
    assert evaluate("gate", str(folder), "--baseline", str(other)) == 2
