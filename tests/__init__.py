"""Tests of the template: its hooks, its manifest, its command line and what it renders."""
