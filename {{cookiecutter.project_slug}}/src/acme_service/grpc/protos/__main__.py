"""`make protos`: write the Python code of every `.proto` file beside it."""

import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).parent


def generate(into: Path) -> None:
    """Write the code of all `.proto` files into a folder, each where its file is here.

    Raises SystemExit when a file is no valid `.proto`.
    """
    sources = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.rglob("*.proto"))]
    kinds = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}"]
    if subprocess.run([*protoc, *kinds, *sources], check=False).returncode:  # noqa: S603
        raise SystemExit("No code was written: see above.")
    for source in sources:
        _settle(into / source)


def _settle(proto: Path) -> None:
    """Make generated code work in the package that it is in, whatever that one is called.

    protoc takes the folder of the `.proto` files for one that Python imports from. What it
    writes into a message's class has to be right too: Ray pickles messages.
    """
    folder = ".".join(proto.parts[-3:-1])
    messages = proto.with_name(f"{proto.stem}_pb2.py")
    services = proto.with_name(f"{proto.stem}_pb2_grpc.py")
    _replace(messages, f"'{folder}.{proto.stem}_pb2'", "__name__")
    _replace(services, f"from {folder} import", "from . import")


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    generate(PROTOS)
