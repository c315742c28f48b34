"""`make load`: a short load test of a running service. `scenario.py` is yours to change."""
