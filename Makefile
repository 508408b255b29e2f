# The commands of the project; each sets up what it needs first.
.POSIX:
PYTEST_ARGS =
FUZZ_ARGS =
SOAK_CYCLES = 1000
SOAK_MUTANTS = 10000
SOAK_CUTS = 500
SOAK_RECOVERIES = 20
SOAK_SEED =
ENV = .venv/bin/python

serve: ## set up and run the server until Ctrl-C
	@sh deploy/setup.sh serve
	@exec $(ENV) manage.py serve

test: ## set up and run every test
	@sh deploy/setup.sh test
	@exec $(ENV) -m pytest $(PYTEST_ARGS)

test-fast: ## the tests that need no services
	@sh deploy/setup.sh dev
	@exec $(ENV) -m pytest -q -m "not services and not s3 and not browser and not clients and not faults and not corpus"

fuzz: ## 10,000 mutated files through the process that reads uploads; FUZZ_ARGS="--seed 7"
	@sh deploy/setup.sh test
	@exec $(ENV) -m tests.fuzz $(FUZZ_ARGS)

soak: ## hours of faults: SOAK_CYCLES (1000), SOAK_MUTANTS (10000), SOAK_CUTS (500), SOAK_SEED
	@sh deploy/setup.sh test
	@exec $(ENV) -m tests.faults --cycles $(SOAK_CYCLES) --mutants $(SOAK_MUTANTS) \
	  --cuts $(SOAK_CUTS) --recoveries $(SOAK_RECOVERIES) $(SOAK_SEED:%=--seed %)

bench: ## ratios against peers; a table, and JSON in benchmarks/results
	@sh deploy/setup.sh bench
	@exec $(ENV) -m benchmarks

lint: ## style and types
	@sh deploy/setup.sh dev
	@$(ENV) -m ruff check .
	@$(ENV) -m ruff format --check .
	@$(ENV) -m mypy

lock: ## resolve requirements*.in for Python 3.11 to 3.13 again
	@sh deploy/setup.sh dev
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate requirements.in -o requirements.txt
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1 - /p' Makefile

.PHONY: serve test test-fast fuzz soak bench lint lock help
