"""What the template's Makefile and tests run; nothing here reaches a generated project."""

import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]

# The kit as it stands: what it does, nothing here does once more. Its bytecode must not be left in
# the folder that cookiecutter copies.
sys.path.append(str(_ROOT / "{{cookiecutter.project_slug}}/src"))
sys.pycache_prefix = sys.pycache_prefix or str(_ROOT / "build/bytecode")
