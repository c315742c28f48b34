"""Deploys models, and calls them wherever they run: batched, measured, with a time limit."""
