"""Validates Serve configurations before anything starts."""
