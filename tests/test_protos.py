"""The code of the kit's `.proto` file is what `make protos` would write."""

import re
from pathlib import Path

from scripts.protos import PROTOS, generate

VERSION = re.compile(r"\d+\.\d+\.\d+|^ +\d+,$", re.MULTILINE)
"""Of the generator, which writes its own into what it makes. A newer one is no difference."""


def code_in(folder: Path) -> dict[str, str]:
    return {
        path.name: VERSION.sub("", path.read_text(encoding="utf-8"))
        for path in folder.glob("*_pb2*")
    }


def test_the_generated_code_is_up_to_date(tmp_path: Path):
    generate(tmp_path)
    assert code_in(tmp_path).keys() == {
        f"inference_pb2{end}" for end in [".py", ".pyi", "_grpc.py"]
    }
    assert code_in(PROTOS) == code_in(tmp_path)
