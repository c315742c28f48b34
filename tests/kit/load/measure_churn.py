"""`make load` for the service of `churn.py`: `python -m tests.load.measure_churn --url …`."""

from servekit.commands.load import main

if __name__ == "__main__":
    main("tests.load.churn")
