"""The tests have a secret and a database of their own."""

from tempfile import TemporaryDirectory

FOLDER = TemporaryDirectory(prefix="feedback")
URL = f"sqlite:///{FOLDER.name}/feedback.db"
SECRET = "a secret of the tests for receipts, 32 bytes and more"

SETTINGS = {"FEEDBACK_SECRET": SECRET, "FEEDBACK_URL": URL}
