"""The generated service beside what else one could run, measured in the same run."""

HOST, PORT = "127.0.0.1", 8000
