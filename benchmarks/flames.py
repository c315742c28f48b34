"""Flame graphs of the process that takes the requests, drawn by py-spy while it is busy."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import loads
from .contenders import DOCUMENTED, INLINE, SEPARATE
from .environments import FOLDER, programs
from .measure import started
from .plan import MAIN
from .services import ServiceError

SECONDS = 10
SAMPLES_PER_SECOND = 100


def draw_flames(folder: Path) -> None:
    """One SVG each of ours and of the documented pattern, at MAIN connections."""
    folder.mkdir(exist_ok=True)
    for contender in (SEPARATE, INLINE, DOCUMENTED):
        with ThreadPoolExecutor(1) as crew, started(contender, processes=1) as service:
            loads.run(loads.single(MAIN), 2, FOLDER)
            arguments = (loads.single(MAIN), SECONDS + 3, FOLDER)
            busy = crew.submit(loads.run, *arguments)
            path = folder / f"flame-{contender.name}.svg"
            record(service.process_id("ingress"), contender.title, path)
            busy.result()


def record(process_id: int | None, title: str, path: Path) -> None:
    if process_id is None:
        raise ServiceError(f"{path.name} cannot be drawn: no process takes requests.")
    spy = str(programs("project") / "py-spy")
    size = [f"--duration={SECONDS}", f"--rate={SAMPLES_PER_SECOND}", f"--pid={process_id}"]
    command = [spy, "record", *size, f"--output={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(f"py-spy could not draw {path.name}: {done.stderr.strip()}")
    # py-spy's title is its command line, which names folders of this machine.
    drawn = path.read_text(encoding="utf-8")
    heading = f"{title}: the process that takes requests, at {MAIN} connections"
    path.write_text(drawn.replace(" ".join(command), heading), encoding="utf-8")
