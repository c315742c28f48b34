"""`make bench STARTS=1`: starts every contender once, and says that it gave the right answer.

What a benchmark would find out after half an hour, in two minutes.
"""

from .contenders import ALL, PLAIN_SOCKETS
from .environments import prepare
from .measure import started

CONTENDERS = (*ALL, PLAIN_SOCKETS)


def start_each() -> int:
    prepare({one.environment for one in CONTENDERS})
    for one in CONTENDERS:
        with started(one, processes=1) as service:
            print(f"{one.name} answered rightly after {service.start_s:.1f} s", flush=True)
    return 0
