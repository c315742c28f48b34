"""Calls to models, wherever they run: batched, measured, within a time limit."""
