"""Starts every contender once, and says which of them gave the right answer.

`python -m benchmarks.starts`: what a benchmark would find out after half an hour, in two minutes.
"""

import sys

from scripts.stopping import STOPPER, Stop, adopt_orphans, end_descendants

from .contenders import ALL, PLAIN_SOCKETS
from .environments import PreparationError, prepare
from .measure import started
from .services import ServiceError


def main() -> int:
    adopt_orphans()
    contenders = [*ALL, PLAIN_SOCKETS]
    try:
        prepare({one.environment for one in contenders})
        for one in contenders:
            with started(one, processes=1) as service:
                print(f"{one.name} answered rightly after {service.start_s:.1f} s", flush=True)
    except (PreparationError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    STOPPER.listen()
    try:
        sys.exit(main())
    except Stop:
        end_descendants()
        sys.exit(130)
