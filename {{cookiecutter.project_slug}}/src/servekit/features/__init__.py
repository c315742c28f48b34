"""Capabilities that a service may have, one folder each."""
