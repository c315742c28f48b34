"""The code of the `.proto` files is what `make protos` would write."""

import re
from pathlib import Path

from acme_service.grpc.protos.__main__ import PROTOS, generate

VERSION = re.compile(r"\d+\.\d+\.\d+|^ +\d+,$", re.MULTILINE)
"""Of the generator, which writes its own into what it makes. A newer one is no difference."""

GENERATED = ["_pb2.py", "_pb2.pyi", "_pb2_grpc.py"]


def code_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): VERSION.sub("", path.read_text(encoding="utf-8"))
        for ending in GENERATED
        for path in folder.rglob(f"*{ending}")
    }


def test_the_generated_code_is_up_to_date(tmp_path: Path) -> None:
    generate(tmp_path)
    assert code_in(PROTOS) == code_in(tmp_path)
