"""Optional features, one package each. They know the API and the contracts, never each other."""
