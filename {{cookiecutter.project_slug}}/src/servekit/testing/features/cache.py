"""Answers say whether they were cached."""

SETTINGS = {"CACHE_STATUS": "true"}
