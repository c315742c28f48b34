"""Optional rooms, one a feature. They know the API and the ports, never each other."""
