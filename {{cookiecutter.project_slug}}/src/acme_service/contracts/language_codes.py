"""The codes that name a language."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

UNDETERMINED = "und"
"""What ISO 639-2 calls a text whose language cannot be told, such as one without letters."""

_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht "
    "hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky "
    "la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny "
    "oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss "
    "st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo "
    "za zh zu "
)

ISO_639_1 = frozenset(_CODES.split())
"""Every language with a code of two letters, whether or not a model knows it yet."""


def _known(code: str) -> str:
    if code not in ISO_639_1 | {UNDETERMINED}:
        raise PydanticCustomError(
            "language_code", "A language code of ISO 639-1, such as de, or und is needed."
        )
    return code


LanguageCode = Annotated[str, AfterValidator(_known), Field(examples=["de"])]
"""A code of ISO 639-1, or UNDETERMINED."""
