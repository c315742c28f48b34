"""What `make serve` does around Ray Serve. Like `launch.py`, it imports Ray late."""
