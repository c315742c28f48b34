"""What the models of this service are asked, and what they answer: one module a model.

Standard library, Pydantic's annotations and `servekit.contracts` only: every other layer imports
this one.
"""
