"""Settings from the environment, read and validated when the service starts."""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """A setting cannot be used. The message names the variable and what is expected."""


class Settings(BaseSettings):
    """The settings of one part: subclasses set `env_prefix` and declare fields."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError when a variable is missing or malformed."""
        try:
            return cls()
        except ValidationError as error:
            said = [f"{name}: {one}" if name else one for name, one in cls._wanted(error)]
            raise SettingsError("; ".join(said) + ".") from None

    @classmethod
    def complaints(cls) -> dict[str, str]:
        """Return what is wanted of each variable of the environment that is malformed."""
        try:
            cls()
        except ValidationError as error:
            return {name: wanted for name, wanted in cls._wanted(error) if name}
        return {}

    @classmethod
    def _wanted(cls, error: ValidationError) -> Iterator[tuple[str, str]]:
        """Yield variables and what they should be; no variable where that names several."""
        # The value itself is left out: it may be a secret.
        for problem in error.errors(include_input=False, include_url=False):
            wanted = problem["msg"].removeprefix("Value error, ").rstrip(".")
            if problem["loc"]:
                wanted = wanted[:1].lower() + wanted[1:]
            yield cls.variable(str(problem["loc"][0])) if problem["loc"] else "", wanted

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable that sets a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()

    @classmethod
    def variables(cls) -> Iterator[str]:
        """Every variable that this class and its subclasses read."""
        for field in cls.model_fields:
            yield cls.variable(field)
        for subclass in cls.__subclasses__():
            yield from subclass.variables()


RENAMED = {"RATE_LIMIT_TRUSTED_HOPS": "API_TRUSTED_HOPS"}
"""Settings that would be missed, were they ignored under their old names."""


def refuse_misspellings(known: Iterable[str], environment: Mapping[str, str] | None = None) -> None:
    """Raise SettingsError when a variable is nearly named like a setting, or as one was before.

    Names with `_PORT` or `_SERVICE_` are skipped: Kubernetes injects them for every service.
    """
    names = sorted(set(known))
    for variable in sorted(os.environ if environment is None else environment):
        if variable in RENAMED:
            raise SettingsError(f"The setting {variable} is {RENAMED[variable]} now.")
        if variable in names or "_PORT" in variable or "_SERVICE_" in variable:
            continue
        # Only names that begin alike: APP_DOCS is of another program, API_DOC is ours misspelt.
        alike = [name for name in names if name[:3] == variable[:3].upper()]
        for name in get_close_matches(variable.upper(), alike, n=1, cutoff=0.85):
            raise SettingsError(f"Unknown setting {variable}. Did you mean {name}?")


def split_commas(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part for part in (part.strip() for part in value.split(",")) if part]


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]
"""`a, b` in the environment, `("a", "b")` in Python."""
