"""Signals to stop, and the processes below one that is asked to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from servekit.commands.stopping import SIGNALS, Stop, Stopper


@pytest.fixture
def stopper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopper]:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    # What runs the tests may ignore some of them, as `nohup` does.
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield Stopper()
    for number, handler in handlers.items():
        signal.signal(number, handler)


def told(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_stops_and_others_do_not(stopper: Stopper, number: int) -> None:
    stopper.listen()
    with pytest.raises(Stop):
        told(number)
    told(number)
    with pytest.raises(Stop):
        stopper.raise_if_asked()


def test_a_signal_while_a_program_cleans_up_is_remembered(stopper: Stopper) -> None:
    stopper.listen()
    stopper.cleaning = True
    told(signal.SIGTERM)
    assert stopper.asked


def test_a_signal_in_the_middle_is_held_back(stopper: Stopper) -> None:
    stopper.listen()
    done: list[str] = []

    def work() -> None:
        with stopper.held_back():
            told(signal.SIGTERM)
            done.append("all of it")

    with pytest.raises(Stop):
        work()
    assert done == ["all of it"]
    with stopper.held_back():  # nothing new was asked
        told(signal.SIGTERM)


class Told:
    def __init__(self, number: int) -> None:
        self._number = number

    def __del__(self) -> None:
        told(self._number)


def test_a_finalizer_that_swallows_it_prints_nothing(
    stopper: Stopper, capfd: pytest.CaptureFixture[str]
) -> None:
    stopper.listen()
    Told(signal.SIGTERM)
    assert capfd.readouterr().err == ""
    with pytest.raises(Stop):
        stopper.raise_if_asked()


def test_a_finalizer_that_fails_is_still_printed(
    stopper: Stopper, capfd: pytest.CaptureFixture[str]
) -> None:
    stopper.listen()
    Told(-1)
    assert "Invalid argument" in capfd.readouterr().err


def test_nohup_keeps_its_meaning(stopper: Stopper) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopper.listen()
    told(signal.SIGHUP)
    assert not stopper.asked


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
DYING = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])"
PARENT = f"""
import subprocess, sys
from servekit.commands.stopping import adopt_orphans, descendants, end_descendants
adopt_orphans()
started = subprocess.Popen([sys.executable, "-c", {DYING!r}], stdout=subprocess.PIPE)
started.stdout.readline()
started.wait()
print(len(descendants()), flush=True)
end_descendants(grace_s=0.2)
print(len(descendants()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")
def test_an_orphan_that_ignores_signals_is_ended_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["1", "0"]
