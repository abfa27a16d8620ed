# Everything a person or a machine does with this repository. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run demo test check bench requirements clean
.DELETE_ON_ERROR:

# Tools are started as modules: unlike the scripts in .venv/bin, that survives moving the folder.
PY := .venv/bin/python
RUN := .venv/requirements.txt
DEV := .venv/requirements-dev.txt

# make test T=tests/jobs DB=sqlite
T =
DB = sqlite postgres

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: $(RUN) ## Start the panel on this machine; Ctrl-C stops it (PORT, DATA_DIR and more: .env.example)
	@exec $(PY) manage.py up

demo: $(RUN) ## The same with a simulated Leaseweb and a team that already has servers
	@exec $(PY) manage.py up --demo

test: $(DEV) ## Run all tests, on SQLite and PostgreSQL at once (T=path chooses tests, DB=sqlite or postgres one of the two)
	@$(PY) -m tests.run $(DB) -- $(T)

# Some of these tools read the settings; none of them needs a panel to be there.
check: export DATA_DIR := $(CURDIR)/.cache/check
check: $(DEV) ## Look at the code without running it: style, types, imports, migrations, templates
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run --skip-checks
	$(PY) -m djlint templates --lint --quiet

bench: $(DEV) ## Measure the pages against a bare Django view on this machine
	$(PY) -m tests.bench

requirements: ## Write requirements*.txt anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "lswpanel: make requirements needs uv, see https://docs.astral.sh/uv" >&2; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml \
		--no-header --no-annotate -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml --group dev \
		--no-header --no-annotate -o requirements-dev.txt

clean: ## Remove .venv and caches; data stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -not -path './data/*' -prune -exec rm -rf {} +

$(RUN): requirements.txt scripts/venv.sh
	@scripts/venv.sh run

$(DEV): requirements-dev.txt scripts/venv.sh
	@scripts/venv.sh dev
