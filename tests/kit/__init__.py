"""Tests of the kit: they run once, against the folder in place, and are not rendered."""
