"""Write the Python code of the kit's `.proto` files: `make protos`."""

import subprocess
import sys
from pathlib import Path

from .export import ROOT
from .kit import PROJECT

PROTOS = ROOT / PROJECT / "src/servekit/ingress/grpc/protos"


def generate(into: Path) -> None:
    """Write the code of all `.proto` files into a folder.

    Raises:
        SystemExit: A file is no valid `.proto`.
    """
    sources = [path.name for path in sorted(PROTOS.glob("*.proto"))]
    kinds = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}"]
    if subprocess.run([*protoc, *kinds, *sources], check=False).returncode:
        raise SystemExit("No code was written: see above.")
    for source in sources:
        _settle(into / source)


def _settle(proto: Path) -> None:
    """Make generated code work inside a package, and beside a client of the protocol.

    protoc takes the folder of the `.proto` files for one that Python imports from, and the module
    of a message's class has to be right: Ray pickles messages. Each client of the protocol has
    messages of the same names; in one pool of descriptors, the second import would fail.
    """
    messages = proto.with_name(f"{proto.stem}_pb2.py")
    services = proto.with_name(f"{proto.stem}_pb2_grpc.py")
    _replace(messages, f"'{proto.stem}_pb2'", "__name__")
    _replace(messages, "_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()")
    _replace(services, f"import {proto.stem}_pb2", f"from . import {proto.stem}_pb2")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise SystemExit(f"{path.name} has no {old!r}: the generator has changed.")
    path.write_text(text.replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    generate(PROTOS)
