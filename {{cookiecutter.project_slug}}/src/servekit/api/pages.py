"""HTML pages with a content security policy."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

from fastapi.responses import HTMLResponse


def page_response(html: str, sources: Mapping[str, str] | None = None) -> HTMLResponse:
    """Return a page that may run its own script and style, and call its own origin alone.

    sources: what it may load besides, by directive, such as `{"script-src": "'self'"}`.
    """
    headers = {
        "Content-Security-Policy": content_security_policy(html, sources or {}),
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


def content_security_policy(html: str, sources: Mapping[str, str]) -> str:
    """Allow what stands in the page by its hash, and `sources`.

    Hashes allow what stands in the page now, and nothing that is injected later.
    """
    directives = {
        "default-src": "'none'",
        "script-src": _hashes_of("script", html),
        "style-src": _hashes_of("style", html),
        "img-src": "data:",  # the empty icon that keeps browsers from asking for one
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    for directive, more in sources.items():
        directives[directive] = f"{directives.get(directive, '')} {more}".strip()
    return "; ".join(f"{directive} {allowed}" for directive, allowed in directives.items())


def _hashes_of(element: str, html: str) -> str:
    contents = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digests = [b64encode(sha256(content.encode()).digest()).decode() for content in contents]
    return " ".join(f"'sha256-{digest}'" for digest in digests)
