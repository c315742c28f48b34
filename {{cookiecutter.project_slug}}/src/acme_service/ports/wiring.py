"""Everything the API of this service is given."""

from servekit import contracts

from .language import LanguageDetector


class Ports(contracts.Ports):
    """The models and the meter; `language` is always there."""

    @property
    def language(self) -> LanguageDetector:
        return self.models["language"]
