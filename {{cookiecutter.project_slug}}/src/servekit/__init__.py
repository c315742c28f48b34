"""The engine of a service: FastAPI in front, models on Ray Serve behind, and what joins them.

The same in every project: nothing here names a project or a model. The layers, each importing
only those below it: `commands`, `ingress`, `features`, `api` beside `serving`, `registry`,
`contracts`.
"""
