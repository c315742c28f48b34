"""Metrics every second instead of every ten."""

SETTINGS = {"RAY_metrics_report_interval_ms": "1000"}
