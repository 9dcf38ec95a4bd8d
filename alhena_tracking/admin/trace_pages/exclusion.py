"""Staff exclude an order (a test, a fraud) from the figures, with a reason, and take that back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alhena_tracking.admin.trace_pages.parts import order_title
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.contract.rules import InvalidValue, parse_text
from alhena_tracking.models import Order

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Order]
else:
    _ModelAdmin = admin.ModelAdmin

_TEMPLATE = "admin/alhena_tracking/order/exclusion.html"


class ReasonField(forms.CharField):
    """A text by the rules of the contract."""

    default_error_messages = {"required": _("Enter a reason for the exclusion.")}

    def to_python(self, value: Any) -> str:
        try:
            return parse_text("" if value is None else str(value))
        except InvalidValue as error:
            code = "required" if error.code == "blank" else error.code
            message = self.error_messages["required"] if code == "required" else error.message
            raise forms.ValidationError(message, code=code) from None


class ExclusionForm(forms.Form):
    reason = ReasonField(
        label=_("Reason"),
        help_text=_("For example, “test order”. Kept with the order and in its history."),
        # The characters a browser counts are UTF-16's, of which a code point may take two.
        widget=forms.TextInput(attrs={"maxlength": 2 * TEXT_LENGTH, "autocomplete": "off"}),
    )


class ExcludableOrderMixin(_ModelAdmin):
    """Add two pages that ask for confirmation and act once, however often they are posted."""

    def get_urls(self) -> list[URLPattern]:
        def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return self.admin_site.admin_view(view)

        return [
            path("<path:object_id>/exclude/", wrap(self.exclude_view), name="alhena_tracking_order_exclude"),
            path("<path:object_id>/include/", wrap(self.include_view), name="alhena_tracking_order_include"),
            *super().get_urls(),
        ]

    def has_exclude_permission(self, request: HttpRequest) -> bool:
        may_exclude: bool = request.user.has_perm("alhena_tracking.exclude_order")
        return may_exclude and self.has_view_permission(request)

    def exclusion_context(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        """Return what the order's own page needs to offer either."""
        if not self.has_exclude_permission(request):
            return {}
        name = "include" if order.excluded_at else "exclude"
        return {"exclusion_form": ExclusionForm(), "exclusion_url": self._url(name, order)}

    def exclude_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        order = self._excludable(request, object_id)
        form = ExclusionForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            message = gettext("Excluded from all figures. Reason: %(reason)s") % {"reason": reason}
            if self._change(request, order, lambda: order.exclude(request.user, reason), message):
                messages.success(request, gettext("The order is excluded from all figures."))
            else:
                messages.info(request, gettext("The order was already excluded."))
            return HttpResponseRedirect(self._url("change", order))
        return self._ask(request, order, {"exclusion_form": form})

    def include_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        order = self._excludable(request, object_id)
        if request.method == "POST":
            message = gettext("Included in the figures again.")
            if self._change(request, order, order.include, message):
                messages.success(request, gettext("The order is included in the figures again."))
            else:
                messages.info(request, gettext("The order was not excluded."))
            return HttpResponseRedirect(self._url("change", order))
        return self._ask(request, order, {})

    def _excludable(self, request: HttpRequest, object_id: str) -> Order:
        if not self.has_exclude_permission(request):
            raise PermissionDenied
        order = self.get_object(request, unquote(object_id))
        if order is None:
            raise Http404
        return order

    def _change(self, request: HttpRequest, order: Order, change: Callable[[], bool], message: str) -> bool:
        """Change the order and write that into its history, both or neither."""
        try:
            with transaction.atomic(using=router.db_for_write(Order, instance=order)):
                is_changed = change()
                if is_changed:
                    self.log_change(request, order, message)
        except Order.DoesNotExist:
            raise Http404 from None  # somebody has deleted it since
        return is_changed

    def _ask(self, request: HttpRequest, order: Order, context: dict[str, Any]) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        is_exclusion = "exclusion_form" in context
        page = {
            **self.admin_site.each_context(request),
            "title": gettext("Exclude order") if is_exclusion else gettext("Include order again"),
            "opts": self.opts,
            "order": order,
            "order_title": order_title(order),
            "order_url": self._url("change", order),
            **context,
        }
        return render(request, _TEMPLATE, page)

    def _url(self, page: str, order: Order) -> str:
        return reverse(f"admin:alhena_tracking_order_{page}", args=[order.pk], current_app=self.admin_site.name)
