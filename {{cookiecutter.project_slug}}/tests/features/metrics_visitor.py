"""The tests do not wait ten seconds for numbers."""

SETTINGS = {"RAY_metrics_report_interval_ms": "1000"}
