"""Optional capabilities of a service, one package each."""
