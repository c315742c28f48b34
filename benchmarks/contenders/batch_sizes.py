"""What a text takes in a call for so many: all that any batching can win. Prints lines of JSON."""

import asyncio
import inspect
import itertools
import json
import os
import time
from pkgutil import resolve_name
from typing import Any

from servekit.registry.store import open_model

from benchmarks.contenders.batched import MODELS, item_of

SIZES = (1, 8, 32, 128)
ROUNDS = 5
SECONDS = 0.2


def loaded(name: str) -> Any:
    kind = resolve_name(MODELS[name].path)
    if MODELS[name].versioned:
        return kind.load(open_model(os.environ["MODEL_STORE"], f"{name}@champion"))
    return kind.load() if hasattr(kind, "load") else kind()


async def main() -> None:
    models = [name for name in MODELS if name != "fixed"]
    methods = {name: loaded(name).predict for name in models}
    taken_s: dict[tuple[str, int], list[float]] = {}
    for _, name, size in itertools.product(range(ROUNDS), models, SIZES):
        items = [item_of(name)] * size
        calls, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < SECONDS:
            answer = methods[name](items)
            if inspect.isawaitable(answer):
                await answer
            calls += 1
        taken_s.setdefault((name, size), []).append(elapsed / calls / size)
    for (name, size), rounds in taken_s.items():
        print(json.dumps({"model": name, "size": size, "text_s": min(rounds)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
