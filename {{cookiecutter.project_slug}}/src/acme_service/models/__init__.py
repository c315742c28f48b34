"""The models themselves, in plain Python: one package a model.

No Ray, no FastAPI, no settings: what runs a model decides where and with which files.
"""
