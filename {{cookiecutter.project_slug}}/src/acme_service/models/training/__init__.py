"""How the language model in `model_store/` came to be. Nothing that serves imports it."""
