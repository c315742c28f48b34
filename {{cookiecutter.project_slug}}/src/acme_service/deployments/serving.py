"""The deployments as Ray Serve knows them. Their sizes stand in `serve.yaml`.

The classes are wrapped here instead of decorated where they are defined: a decorated class is
pickled by value, with every module global that it touches.
"""

from ray import serve

from .language import LanguageDeployment
from .opinion import OpinionDeployment
from .sentiment import SentimentDeployment

language = serve.deployment(name="language")(LanguageDeployment)
opinion = serve.deployment(name="opinion")(OpinionDeployment)
sentiment = serve.deployment(name="sentiment")(SentimentDeployment)
