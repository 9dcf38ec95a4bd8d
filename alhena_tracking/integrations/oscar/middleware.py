from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from alhena_tracking.integrations.oscar.requests import current_request

_Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def oscar_request_middleware(get_response: Any) -> Any:
    """Remember the request, for a project whose strategy does not keep it."""
    if iscoroutinefunction(get_response):

        async def serve_async(request: HttpRequest) -> HttpResponseBase:
            token = current_request.set(request)
            try:
                return await cast(_Async, get_response)(request)
            finally:
                current_request.reset(token)

        return serve_async

    def serve(request: HttpRequest) -> HttpResponseBase:
        token = current_request.set(request)
        try:
            return cast(HttpResponseBase, get_response(request))
        finally:
            current_request.reset(token)

    return serve
