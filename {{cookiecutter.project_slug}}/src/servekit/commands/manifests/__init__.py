"""Renders the manifests of `deploy/kubernetes`, completes them, and checks them offline."""
