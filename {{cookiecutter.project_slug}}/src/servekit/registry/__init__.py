"""The model store: sources, a cache of verified versions, and the versions in use."""
