# What makes the template run where it stands. Cookiecutter copies all that it finds in the folder,
# so nothing may be left there: environment, bytecode, caches and settings go to build/.
# The project's Makefile includes this file; no render contains that line.
BUILD := $(CURDIR)/../build
VENV := ../build/venv
ENV_FILE := ../build/in-place.env

UV = $(if $(shell uv --version 2>/dev/null),uv,$(VENV)/bin/uv)
# NEWEST=1 takes the newest versions inside the bounds, to learn of a break before users do.
CHOSEN := $(if $(filter-out 0,$(NEWEST)),newest,synced)
VERSIONS_newest = --upgrade
VERSIONS_synced = --constraint constraints.txt --constraint ../constraints.txt

# One environment for the template's tools, this folder and all renders; no lock file.
SYNC = rm -f $(VENV)/.synced $(VENV)/.newest && $(PYTHON) $(PACKAGES) uv $(VENV) && \
	{ test -x $(VENV)/bin/python || $(UV) venv $(VENV); } && \
	$(UV) pip install --python $(VENV)/bin/python $(VERSIONS_$(CHOSEN)) --group dev --group load \
		--group ../pyproject.toml:dev --group ../pyproject.toml:bench -r pyproject.toml
SYNCED := $(VENV)/.$(CHOSEN)
LOAD_SYNCED := $(SYNCED)
$(VENV)/.synced: ../pyproject.toml ../constraints.txt
ifneq ($(filter upgrade,$(MAKECMDGOALS)),)
$(error Run make upgrade in the folder above: there is no lock here)
endif
ifneq ($(filter sbom,$(MAKECMDGOALS)),)
$(error Run make sbom in a project: there is no lock here)
endif
# Whatever is the newest now.
.PHONY: $(VENV)/.newest
$(VENV)/.newest: ../pyproject.toml
	@$(SYNC)
	@touch $@

# Kept away: what only the tests of the kit bring along.
export PYTHONPATH := $(CURDIR)/../tests/absent:$(CURDIR)/src
export PYTHONPYCACHEPREFIX := $(BUILD)/bytecode
export RUFF_CACHE_DIR := $(BUILD)/ruff
# With its bytecode in build/, nothing has to be compiled twice.
unexport PYTHONDONTWRITEBYTECODE
export PYTEST_ADDOPTS := -p no:cacheprovider -p no:schemathesis
