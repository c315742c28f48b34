"""The tests have a secret and a database of their own."""

from tempfile import TemporaryDirectory

FOLDER = TemporaryDirectory(prefix="feedback")
URL = f"sqlite:///{FOLDER.name}/feedback.db"
SECRET = "a secret of the tests for receipts, 32 bytes and more"

SETTINGS = {"FEEDBACK_SECRET": SECRET, "FEEDBACK_URL": URL}


def item_of(text: str) -> dict[str, object]:
    """What the language model is asked when a route is asked about a text."""
    return {"text": text, "tie_margin": 0.02}
