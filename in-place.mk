# What makes the template run where it stands. Cookiecutter copies all that it finds in the folder,
# so nothing may be left there: environment, bytecode, caches and settings go to build/.
# The project's Makefile includes this file; no render contains that line.
BUILD := $(CURDIR)/../build
VENV := ../build/venv
ENV_FILE := ../build/in-place.env

# One environment for the template's tools, this folder and all renders; no lock file.
SYNC = test -x $(VENV)/bin/python || $(UV) venv $(VENV); \
	exec $(UV) pip install --python $(VENV)/bin/python --group dev --group load --group ../pyproject.toml:dev --group ../pyproject.toml:bench -r pyproject.toml
$(VENV)/.synced: ../pyproject.toml

export PYTHONPATH := $(CURDIR)/src
export PYTHONPYCACHEPREFIX := $(BUILD)/bytecode
export RUFF_CACHE_DIR := $(BUILD)/ruff
# With its bytecode in build/, nothing has to be compiled twice.
unexport PYTHONDONTWRITEBYTECODE
export PYTEST_ADDOPTS := -p no:cacheprovider
