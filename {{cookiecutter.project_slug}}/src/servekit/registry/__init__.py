"""The model store: its sources, the cache of verified versions, and the versions in use."""
