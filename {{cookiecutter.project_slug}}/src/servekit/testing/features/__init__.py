"""Settings and credentials for tests, in a module for each feature that needs some."""
