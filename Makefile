# Vodflow on one machine. `make` lists the targets; each installs what it needs and can be repeated.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test soak test-kubernetes up down status logs password env lambda lint format docs bench parity screenshots clean lock

# The first Python ≥ 3.11 on the PATH that can make virtual environments.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	"$$name" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && { command -v "$$name"; break; }; done)
BOOTSTRAP = $(if $(PYTHON),$(PYTHON),$(error No Python 3.11, 3.12 or 3.13 on the PATH: install python3 (Debian: apt-get install python3 python3-venv))) scripts/bootstrap.py
VODFLOW = .venv/bin/python -m vodflow

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## send real videos through the whole pipeline (VIDEO=file-or-folder: your own; ENGINE=mediaconvert or kubernetes; PROTECTED=1: an encrypted one)
	@$(BOOTSTRAP) runtime aws clips player $(if $(PROTECTED),browser)
	@$(VODFLOW) demo $(if $(PROTECTED),--protected) $(if $(ENGINE),--engine "$(ENGINE)") $(if $(VIDEO),"$(VIDEO)")

# One more than cores: the tests of the whole stack mostly wait.
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) < 4 ? $$(nproc 2>/dev/null || echo 2) + 1 : 4 )))

# Per cent of the code that the tests must run. Of some tests alone it says nothing.
COVERAGE = $(if $(ARGS),,VODFLOW_TEST_COVERAGE=85)

test: ## run every test (ARGS=what pytest takes: some of them)
	@$(BOOTSTRAP) dev aws clips node browser
	@$(COVERAGE) .venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: ## run the long tests: killed parts of the stack, team log-in, large pictures
	@$(BOOTSTRAP) dev aws clips node
	@.venv/bin/python -m pytest -n 2 --dist loadfile -m soak $(ARGS)

test-kubernetes: ## run the tests of pods against the cluster that KUBECONFIG names, with the worker image in it
	@$(BOOTSTRAP) dev aws clips
	@.venv/bin/python -m pytest -m kubernetes tests/kubernetes $(ARGS)

up: ## start the embedded stack and wait until it is healthy
	@$(BOOTSTRAP) runtime aws player
	@$(VODFLOW) up

down: ## stop the embedded stack; no process is left
	@if [ -x .venv/bin/python ]; then $(VODFLOW) down; fi

status: ## show each part of the stack: process, memory, health, address
	@$(BOOTSTRAP) runtime
	@$(VODFLOW) status

logs: ## show the logs (PART=scheduler: one part; FOLLOW=1: go on)
	@$(BOOTSTRAP) runtime
	@$(VODFLOW) logs $(PART) $(if $(FOLLOW),--follow)

password: ## show the password of Airflow's user admin (ACCOUNT=operator or viewer: theirs)
	@$(BOOTSTRAP) runtime
	@$(VODFLOW) password $(ACCOUNT)

env: ## write .env for `docker compose up`: random passwords and keys, made once
	@sh deploy/compose/make-env.sh

lambda: ## build the zip of the Lambda function (deploy/aws/README.md); the same sources make the same bytes
	@$(or $(PYTHON),python3) scripts/build_lambda.py

lint: ## check style, types, import boundaries, CloudFormation templates and workflows
	@$(BOOTSTRAP) dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	PYTHONPATH=plugins .venv/bin/lint-imports
	.venv/bin/cfn-lint --non-zero-exit-code informational deploy/aws/*.yaml
	.venv/bin/actionlint

format: ## put the code into the project's format
	@$(BOOTSTRAP) dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: ## write the generated pages of docs/
	@$(BOOTSTRAP) runtime
	.venv/bin/python scripts/generate_docs.py
	.venv/bin/python scripts/generate_permissions.py

bench: ## measure against other ways to do the same; writes docs/benchmarks.md
	@$(BOOTSTRAP) dev aws clips
	@.venv/bin/python -m benchmarks $(ARGS)

parity: ## send one source through every engine and strategy; writes docs/engines.md (needs a cluster, as demo ENGINE=kubernetes)
	@$(BOOTSTRAP) dev aws clips
	@.venv/bin/python -m benchmarks.parity $(ARGS)

screenshots: ## take the README's pictures of the pages, after `make demo`
	@$(BOOTSTRAP) dev aws node browser
	@$(VODFLOW) report run
	@.venv/bin/python scripts/screenshots.py $(ARGS)

clean: down ## stop the stack and remove all its state, environments and caches
	@if [ -L .vodflow/postgres ]; then rm -rf "$$(readlink .vodflow/postgres)"; fi
	rm -rf .vodflow .venv node_modules .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

UV_COMPILE = .vodflow/bootstrap/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
lock: ## compile every requirements*.in to its pinned, hashed requirements*.txt (UPGRADE=1: to the newest)
	@$(BOOTSTRAP) runtime
	@for name in requirements requirements-worker requirements-team requirements-node requirements-dev requirements-aws requirements-clips requirements-bootstrap; do \
		echo "$$name.txt"; only=; [ $$name != requirements-clips ] || only=--no-deps; \
		$(UV_COMPILE) $$only $(if $(UPGRADE),--upgrade) $$name.in -o $$name.txt || exit 1; done
