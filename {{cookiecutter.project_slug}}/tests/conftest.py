"""What every test may ask for: the fixtures of the kit."""

pytest_plugins = ["servekit.testing.fixtures"]
