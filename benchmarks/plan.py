"""What is measured, how, how often and for how long."""

from dataclasses import dataclass

from . import contenders, loads
from .contenders import Contender
from .loads import Load

CONNECTIONS = (1, 8, 32, 128)
MAIN = 32
"""The number of connections at which contenders are compared."""


@dataclass(frozen=True)
class Plan:
    """Rounds are interleaved: each contender is started once a round."""

    contenders: tuple[Contender, ...]
    loads: tuple[Load, ...]
    processes: int = 1
    rounds: int = 3
    seconds: int = 4
    warm_up_s: int = 2

    def loads_of(self, contender: Contender) -> list[Load]:
        return [load for load in self.loads if load.kind in contender.loads]

    @property
    def title(self) -> str:
        return "One serving process each" if self.processes == 1 else "Two serving processes each"


SINGLES = tuple(loads.single(connections) for connections in CONNECTIONS)

ONE_PROCESS = Plan(
    contenders=(*contenders.ALL, contenders.PLAIN_SOCKETS),
    loads=(*SINGLES, loads.batch(MAIN), loads.stream(MAIN), loads.sockets(MAIN)),
)
TWO_PROCESSES = Plan(
    contenders=contenders.ALL,
    loads=(loads.single(MAIN), loads.batch(MAIN)),
    processes=2,
)
QUICK = Plan(
    contenders=contenders.QUICK,
    loads=(loads.single(1), loads.single(MAIN), loads.batch(MAIN)),
    rounds=1,
    seconds=6,
    warm_up_s=2,
)
