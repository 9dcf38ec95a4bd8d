"""Admin pages of single rows that begin with the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from alhena_tracking.admin.base import may_open
from alhena_tracking.admin.review import ReviewMixin
from alhena_tracking.admin.trace_pages.cart_event import cart_event_text
from alhena_tracking.admin.trace_pages.order import order_text, pending_text
from alhena_tracking.admin.trace_pages.parts import TraceText, UrlOf, order_title
from alhena_tracking.admin.trace_pages.session import session_text
from alhena_tracking.traces import cart_event_trace, order_trace, timeline_of_session

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class TracedMixin(_ModelAdmin):
    """Put the trace above the fields. Users who may view the row see all of it, with links to what they may view."""

    def trace_text(self, row: Any, url_of: UrlOf) -> TraceText:
        raise NotImplementedError

    def trace_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"trace": self.trace_text(row, self._url_of(request))}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context = {**context, **self.trace_context(request, row)}
        return super().render_change_form(request, context, *args, **kwargs)

    def _url_of(self, request: HttpRequest) -> UrlOf:
        may_view: dict[type[Model], bool] = {}

        def url_of(model: type[Model], pk: int) -> str:
            if model not in may_view:
                may_view[model] = may_open(self.admin_site, model, request)
            if not may_view[model]:
                return ""
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            return reverse(name, args=[pk], current_app=self.admin_site.name)

        return url_of


class OrderTraceMixin(ReviewMixin, TracedMixin):
    def title_of(self, row: Any) -> str:
        return order_title(row)

    def trace_text(self, row: Any, url_of: UrlOf) -> TraceText:
        return order_text(order_trace(row), url_of)


class CartEventTraceMixin(TracedMixin):
    def trace_text(self, row: Any, url_of: UrlOf) -> TraceText:
        return cart_event_text(cart_event_trace(row), url_of)


class SessionTraceMixin(ReviewMixin, TracedMixin):
    def trace_text(self, row: Any, url_of: UrlOf) -> TraceText:
        return session_text(row, timeline_of_session(row), url_of)


class PendingConfirmationTraceMixin(TracedMixin):
    def trace_text(self, row: Any, url_of: UrlOf) -> TraceText:
        return pending_text(row, timezone.now())
