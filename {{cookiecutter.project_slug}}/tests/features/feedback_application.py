"""The service once more in the tests' cluster: two replicas that share a file."""

from .feedback_visitor import FOLDER

NAME = "corrected"
REPLICAS = 2

FILE = f"{FOLDER.name}/shared.db"
SETTINGS = {"FEEDBACK_URL": f"sqlite:///{FILE}", "FEEDBACK_TIMEOUT_S": "30"}
