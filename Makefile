# The doorway to the template: `make` lists what it can do. Needs Python 3.11, make and git alone.
.DEFAULT_GOAL := help

PROJECT := {{cookiecutter.project_slug}}
BIN := build/venv/bin
# What tests start beside Python, as Debian and Ubuntu call it.
PROGRAMS = $(if $(shell command -v google-chrome),,chromium) iproute2 postgresql prometheus redis-server
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/bytecode
export RUFF_CACHE_DIR := $(CURDIR)/build/ruff
export RENDER NEWEST DAY EXAMPLES URL HEADER
# Bytecode goes to build/ too, and without it each process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: environment ## Render the default project, serve it and send it requests; ONCE=1 stops after them
	@$(BIN)/python -m scripts.demo

check: environment ## Check format, lint, types and docs of the template itself
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/python -m scripts.prompts --check
	$(BIN)/python -m scripts.kit ruff format --check tests
	$(BIN)/python -m scripts.kit ruff check tests
	$(BIN)/python -m scripts.kit basedpyright --pythonpath $(CURDIR)/$(BIN)/python tests

test: check ## Run all that CI runs; NEWEST=1 with the newest packages
	@$(BIN)/python -m scripts.suite

upgrade: environment ## Upgrade constraints.txt, if `make test` passes; DAY= (14 days ago)
	@$(BIN)/python -m scripts.upgrade

renders: environment ## Print the names of the renders that are tested, as JSON
	@$(BIN)/python -m scripts.renders

render: environment ## Render one of them, and run its own setup and check; RENDER='pairs 3'
	@$(BIN)/python -m scripts.renders "$$RENDER"

programs: ## Install the tests' system packages (apt, as root)
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $(PROGRAMS)

# One of the kit's tests: make kit ARGS='tests/features/test_auth.py -k token'.
kit: environment ## Run the kit's fast tests against the project as it stands; ARGS= of pytest
	@$(BIN)/python -m scripts.kit pytest $(if $(ARGS),$(ARGS),-q -m 'not serve and not slow' -n 2)

fuzz: environment ## Ask the service, all and bare, what schemathesis makes up; EXAMPLES= (200) an operation, URL= and HEADER= of one that runs
	@$(BIN)/python -m scripts.fuzz

protos: environment ## Write the code of the kit's .proto file
	@$(BIN)/python -m scripts.protos

docs: environment ## Write docs/reference/prompts.md from cookiecutter.json and presets/
	$(BIN)/python -m scripts.prompts

site: environment ## Build the documentation of template and project, strictly, into build/site
	@$(BIN)/python -m scripts.pages

# NAME is of the command line alone: WSL has a variable of that name.
NAME =
owner: export OWNER = $(NAME)
owner: ## Put the account that hosts the repository into all its addresses; NAME=acme
	@python3 -m scripts.owner "$$OWNER"

pictures: environment ## Make the pictures of the README from a real run; needs Chromium
	@$(BIN)/python -m scripts.pictures

# The project's own Makefile, run in place, makes the one environment for everything.
environment:
	@$(MAKE) --silent --no-print-directory -C '$(PROJECT)' setup

bench: environment ## Benchmark against others, into benchmarks/report.md; QUICK=1 for the floors alone, FEATURES=1 for what features cost, BATCHING=1 for what serve.batch adds, MODELS=1 for models of some milliseconds, COST=1 for one request in process, STARTS=1 to see that all start
	@$(BIN)/python -m benchmarks

.PHONY: help demo check kit fuzz programs test upgrade renders render protos docs site owner pictures bench environment
