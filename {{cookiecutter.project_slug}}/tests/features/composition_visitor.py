"""A machine that runs tests is busy: no member of an analysis should be missing for that alone."""

SETTINGS = {"COMPOSITION_OPINION_TIMEOUT_S": "2", "COMPOSITION_SENTIMENT_TIMEOUT_S": "2"}
