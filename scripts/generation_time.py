"""How long a generation takes, beside the least that cookiecutter needs: its own import.

Prints both medians and their ratio. With a limit as argument, fails when the ratio is above it.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from scripts.export import export

RUNS = 11


def seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def measure(folder: Path) -> tuple[float, float]:
    """The medians of importing cookiecutter and of generating, in seconds, taken in turns."""
    template = export(folder / "template")
    imports, generations = [], []
    for run in range(RUNS + 1):
        imports.append(seconds([sys.executable, "-c", "import cookiecutter.main"], folder))
        generate = ["-m", "cookiecutter", str(template), "--no-input", "-o", f"run{run}"]
        generations.append(seconds([sys.executable, *generate], folder))
    return median(imports[1:]), median(generations[1:])  # the first run warms the disk


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        imported, generated = measure(Path(folder))
    ratio = generated / imported
    print(f"import {imported:.3f} s, generation {generated:.3f} s, ratio {ratio:.2f}")
    if sys.argv[1:] and ratio > float(sys.argv[1]):
        sys.exit(f"A generation may take {sys.argv[1]} times an import of cookiecutter.")
