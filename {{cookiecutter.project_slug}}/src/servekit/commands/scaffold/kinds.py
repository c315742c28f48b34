"""The kinds of model that `make model` knows, and the files of each."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from .edits import EditError

FOLDER = Path(__file__).parent / "kinds"


@dataclass(frozen=True)
class Kind:
    """What a model of a kind is made with.

    Attributes:
        templates: The folder of its files.
        dependencies: What it needs where it serves.
        training: What its training needs besides.
        versioned: Whether it is trained, and has versions in the store.
    """

    templates: str
    dependencies: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    versioned: bool = True


NUMPY, ONNX_RUNTIME = "numpy>=2,<3", "onnxruntime>=1.32,<2"

KINDS: Mapping[str, Kind] = {
    "python": Kind("python"),
    "function": Kind("function", versioned=False),
    "onnx": Kind("onnx", (NUMPY, ONNX_RUNTIME), ("onnx>=1.23,<2",)),
}
ONNX_FILE = Kind("onnx_file", (NUMPY, ONNX_RUNTIME))
"""A model that is there already, as a file; it needs nothing that KINDS do not."""


@dataclass(frozen=True)
class Names:
    """What the files of a model are called.

    Attributes:
        package: Of the service.
        name: Of the model.
    """

    package: str
    name: str

    @property
    def constant(self) -> str:
        return self.name.upper()

    @property
    def kind(self) -> str:
        """The beginning of its classes' names."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def contract(self) -> Path:
        return Path("src", self.package, "contracts", f"{self.name}.py")

    @property
    def model(self) -> Path:
        return Path("src", self.package, "models", self.name)

    @property
    def routes(self) -> Path:
        return Path("src", self.package, "api/v1", f"{self.name}.py")

    @property
    def test(self) -> Path:
        return Path("tests/models", f"test_{self.name}.py")

    @property
    def versions(self) -> Path:
        return Path("model_store", self.name)


def files_of(kind: Kind, names: Names, parts: Mapping[str, str]) -> dict[Path, str]:
    """Return the files of a new model, by path from the project.

    Args:
        kind: Of the model.
        names: Of the model.
        parts: What the templates of this kind need besides.

    Raises:
        EditError: ruff is not installed.
    """
    places = {
        "contract": names.contract,
        "model": names.model / "__init__.py",
        "training": names.model / "training.py",
        "test": names.test,
    }
    templates = {place: FOLDER / kind.templates / f"{part}.txt" for part, place in places.items()}
    found = {place: template for place, template in templates.items() if template.exists()}
    found[names.routes] = FOLDER / "routes.txt"
    known = {
        "package": names.package,
        "name": names.name,
        "Class": names.kind,
        "CONSTANT": names.constant,
        **parts,
    }
    return {
        place: formatted(Template(template.read_text(encoding="utf-8")).substitute(known), place)
        for place, template in found.items()
    }


def formatted(source: str, path: Path) -> str:
    """Return Python as `make check` wants it: a long name may not fit where a short one did.

    Raises:
        EditError: ruff is not installed.
    """
    for options in (["check", "--quiet", "--fix", "--select", "F401,I"], ["format"]):
        command = [sys.executable, "-m", "ruff", *options, "--stdin-filename", str(path), "-"]
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EditError(f"ruff cannot format {path}: {done.stderr.strip()}")
        source = done.stdout
    return source
