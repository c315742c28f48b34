"""What a team does to its project in the first weeks, most of it beside what comes and goes."""

from pathlib import Path

from servekit.commands.scaffold import edits

ROUTER = '''"""How many letters a text has."""

from fastapi import APIRouter

router = APIRouter(prefix="/letters")


@router.post("")
async def count_letters(text: str) -> int:
    """Count the letters of a text."""
    return sum(map(str.isalpha, text))
'''
TARGET = """
.PHONY: deploy
deploy: ## Roll it out
\t./deploy/roll-out.sh
"""
SERVICE = """
  mailhog:
    image: mailhog/mailhog:v1.0.1
"""


class Team:
    """Edits a project in the same way, whatever features it has.

    Args:
        project: Its folder.
        package: Its package.
    """

    def __init__(self, project: Path, package: str) -> None:
        self._project = project
        self._package = package
        self.edited: set[str] = set()
        """Paths of files of the template that were changed."""

    def edit(self) -> set[str]:
        self._add_a_route()
        self._add_a_model()
        self._replace("serve.yaml", "num_replicas: 1", "num_replicas: 3")
        self._replace("serve.yaml", "host: 127.0.0.1", "host: 0.0.0.0")
        self._replace("pyproject.toml", 'version = "0.1.0"', 'version = "0.4.2"')
        self._replace(
            "pyproject.toml", '"tests/**" = ["ARG", "S"]', '"tests/**" = ["ARG", "D", "S"]'
        )
        self._write_about_it()
        self._replace(".env.example", "#API_LOG_LEVEL=INFO", "API_LOG_LEVEL=DEBUG")
        self._append(".env.example", "# Whether model routes are closed.\nMAINTENANCE_ON=false\n")
        check = "test: check test-serve ## Check everything, and run all tests\n"
        self._replace("Makefile", check, check + TARGET)
        self._deploy()
        self._remove("docs/how-to/canary.md")
        v1 = f"src/{self._package}/api/v1/__init__.py"
        self._replace(v1, "languages", "languages as tongues", optional=True)
        return self.edited

    def _add_a_route(self) -> None:
        own = self._project / f"src/{self._package}/api/letters.py"
        own.write_text(ROUTER, encoding="utf-8")
        imported = f"    from {self._package}.api import letters\n\n    yield letters.router\n"
        self._wire("routers", imported)
        feature = f"    from {self._package}.api.maintenance import maintenance\n\n"
        self._wire("features", f"{feature}    yield maintenance()\n")

    def _add_a_model(self) -> None:
        """As `make model` does."""
        imported = f"    from {self._package}.contracts.churn import CHURN\n\n"
        self._wire("models", f'{imported}    yield Model(CHURN, "churn:Churn")\n')
        serve = self._project / "serve.yaml"
        text = serve.read_text(encoding="utf-8")
        self._write("serve.yaml", edits.with_deployment(text, self._package, "churn"))
        text = (self._project / "pyproject.toml").read_text(encoding="utf-8")
        for key, one in (("dependencies", "pandas>=3,<4"), ("dependencies", "xgboost>=3,<4")):
            text = edits.with_requirement(text, key, one)
        self._write("pyproject.toml", edits.with_requirement(text, "dev", "pytest-cov>=7,<8"))

    def _write_about_it(self) -> None:
        says = "A FastAPI service whose models run on Ray Serve."
        self._replace("README.md", says, "It tells our support desk what a customer wants.")
        section = "\n## Where to go next"
        self._replace("README.md", section, "- Letters counted.\n" + section)
        self._append("README.md", "\n## Who runs it\n\nTeam Babel.\n")
        section = "\n## Explanation"
        self._replace("docs/README.md", section, "- [Letters](how-to/letters.md)\n" + section)
        (self._project / "docs/how-to/letters.md").write_text("# Letters\n", encoding="utf-8")

    def _deploy(self) -> None:
        check = "      - run: make check\n"
        own = check + "      - run: ./deploy/licenses.sh\n"
        self._replace(".github/workflows/ci.yml", check, own, optional=True)
        self._replace("Dockerfile", "WORKDIR", "ENV TZ=UTC\nWORKDIR", optional=True)
        self._replace("compose.yaml", '- "8000:8000"', '- "8080:8000"', optional=True)
        if (self._project / "compose.yaml").exists():
            self._add_a_service()

    def _add_a_service(self) -> None:
        """As the last of the services, which volumes stood below before the first release."""
        text = (self._project / "compose.yaml").read_text(encoding="utf-8")
        above, services, below = text.partition("\nservices:\n")
        below, volumes, last = below.partition("\nvolumes:\n")
        self._write("compose.yaml", above + services + below + SERVICE + volumes + last)

    def _wire(self, function: str, statements: str) -> None:
        path = f"src/{self._package}/features.py"
        source = (self._project / path).read_text(encoding="utf-8")
        self._write(path, edits.with_statements(source, function, statements))

    def _replace(self, path: str, old: str, new: str, optional: bool = False) -> None:
        file = self._project / path
        if file.exists() or not optional:
            text = file.read_text(encoding="utf-8")
            assert old in text, (path, old)
            self._write(path, text.replace(old, new, 1))

    def _append(self, path: str, text: str) -> None:
        self._write(path, (self._project / path).read_text(encoding="utf-8") + text)

    def _write(self, path: str, text: str) -> None:
        self.edited.add(path)
        (self._project / path).write_text(text, encoding="utf-8")

    def _remove(self, path: str) -> None:
        self.edited.add(path)
        (self._project / path).unlink()
