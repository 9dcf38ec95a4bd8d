"""What all endpoints have in common. They state their whole policy, so that ``REST_FRAMEWORK`` cannot change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alhena_tracking.api.errors import ErrorResponse, error_response

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class JSONOnly(BaseContentNegotiation):
    """Reads bodies by their content type, and answers in JSON whatever the caller accepts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


class JSONView(APIView):
    """An endpoint that answers in JSON. Subclasses state authentication, permissions, parsers and methods."""

    throttle_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    versioning_class = None
    metadata_class = None

    #: The message of a 503.
    unavailable_message: ClassVar[_StrOrPromise]

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], ErrorResponse | None]:
        return lambda error, _context: error_response(error, str(self.unavailable_message))
