"""A page of the shop with the wheel's tracker, with the tracker's source, and without our tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse

SOURCE = "/static/alhena_tracking/tracker.js"
WHEEL = "/static/alhena_tracking/wheel/tracker.js"

_STATIC = Path(__file__).parent.parent / "alhena_tracking" / "static" / "alhena_tracking"
_TAGS = re.compile(rf"<script[^>]*>window\._alhenaEventQueue.*?</script>\s*<script[^>]*{SOURCE}[^>]*></script>", re.S)


def source(name: str) -> str:
    return (_STATIC / name).read_text()


def wheel_copy() -> str:
    """The tracker minified as ``hatch_build.py`` does for a wheel."""
    import minify

    code: str = minify.string("application/javascript", source("tracker.js"))
    return code


def as_asked(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that changes the tags of the page for ``?tracker=wheel`` and ``?tracker=none``."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match request.GET.get("tracker"):
            case "wheel":
                response.content = response.text.replace(SOURCE, WHEEL)
            case "none":
                response.content, removed = _TAGS.subn("", response.text)
                if not removed:
                    raise ValueError("The page has no tags to remove.")
        return response

    return answer
