"""A machine that runs tests is busy: no member of an analysis should be missing for that alone."""

SETTINGS = {
    "BATCHER_TIMEOUT_S": "60",  # members have at most half of it
    "COMPOSITION_OPINION_TIMEOUT_S": "30",
    "COMPOSITION_SENTIMENT_TIMEOUT_S": "30",
}
