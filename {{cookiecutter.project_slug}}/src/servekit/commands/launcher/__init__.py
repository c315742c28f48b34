"""The parts of `make serve` around Ray Serve, which import Ray late."""
