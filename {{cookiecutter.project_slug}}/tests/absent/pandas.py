"""Stands before the pandas that the tests' MLflow server brings, in what the tests start.

Ray Serve imports pandas in each of its processes wherever it finds it, which takes a second each;
in an image it is not there. A service that needs it has it among its dependencies: delete this.
"""

raise ImportError("tests/absent/pandas.py keeps pandas away: delete it if the service needs pandas")
