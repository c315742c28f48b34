"""`make load` for the service of `churn.py`: `python -m tests.load.measure_churn load --url …`."""

from servekit.commands import run

run("tests.load.churn", __name__)
