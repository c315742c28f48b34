"""Serve applications and deployments of one's own, beside those that the kit makes of models."""
