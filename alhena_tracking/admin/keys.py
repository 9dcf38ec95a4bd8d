"""Secret keys: created, shown once, and revoked; never changed or deleted."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models import CharField, ForeignKey, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from alhena_tracking import company_cache
from alhena_tracking.admin import formats
from alhena_tracking.admin.base import CompanyFilter, OpenLinksMixin, SafeLookupsAdmin
from alhena_tracking.models import Company, EventCount, SecretKey

_TEMPLATES = "admin/alhena_tracking/secretkey"


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("active", pgettext_lazy("secret key", "Active")), ("revoked", pgettext_lazy("secret key", "Revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"active", "revoked"}:
            return queryset
        return queryset.filter(revoked_at__isnull=self.value() == "active")


@admin.register(SecretKey)
class SecretKeyAdmin(OpenLinksMixin, SafeLookupsAdmin):
    """Keys of companies that the user may see. Revoking one takes the permission to change keys."""

    list_display = ["name", "beginning", "company", "created_at", "last_used", "state"]
    list_filter = [("company", CompanyFilter), StateFilter]
    list_select_related: ClassVar[tuple[str, ...]] = ("company",)
    search_fields = ["name"]
    actions = None
    change_form_template = f"{_TEMPLATES}/change_form.html"

    @admin.display(description=_("beginning"))
    def beginning(self, key: SecretKey) -> str:
        return format_html("<code>{}…</code>", key.prefix) if key.prefix else ""

    @admin.display(description=_("last used"))
    def last_used(self, key: Any) -> str:
        """Return when a request last had the key: some seconds late, and as long as counts are kept."""
        at = key.last_used_at
        return pgettext("secret key", "never") if at is None else formats.moment(at, key.company.zone)

    @admin.display(description=_("state"), ordering="revoked_at")
    def state(self, key: SecretKey) -> str:
        return pgettext("secret key", "Revoked") if key.revoked_at else pgettext("secret key", "Active")

    # Permissions

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        used = EventCount.objects.filter(
            company=OuterRef("company"), method=EventCount.KEY_USE, reason=Cast(OuterRef("pk"), CharField())
        )
        keys = super().get_queryset(request).filter(company__in=Company.objects.visible_to(request.user))
        last_used_at: Any = Subquery(used.order_by("-counted_on").values("last_at")[:1])
        annotated: QuerySet[Any] = keys.annotate(last_used_at=last_used_at)
        return annotated

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any) -> Any:
        companies = Company.objects.visible_to(request.user)
        choices = list(companies[:2])
        initial = choices[0] if len(choices) == 1 else None
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": companies, "initial": initial}
        )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    # Creating

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        if obj is None:
            return ["company", "name"]
        return ["company", "name", "beginning", "created_at", "last_used", "revoked_at", "state"]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The key is shown after saving; these buttons would lead to another page.
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**buttons, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: SecretKey, form: Any, change: Any) -> None:
        request.issued_key = obj.issue()  # type: ignore[attr-defined]  # read by response_add
        company_cache.clear_after_commit()

    def response_add(self, request: HttpRequest, obj: SecretKey, post_url_continue: str | None = None) -> HttpResponse:
        """Render the page that shows the key at once: a message or a session would store it."""
        context = {
            **self._page_context(request, _("New secret key")),
            "key": obj,
            "issued_key": request.issued_key,  # type: ignore[attr-defined]
        }
        response = render(request, f"{_TEMPLATES}/issued.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    # Revoking

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<path:object_id>/revoke/", view, name="alhena_tracking_secretkey_revoke"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        permission = {"has_revoke_permission": self.has_revoke_permission(request)}
        return super().change_view(request, object_id, form_url, {**permission, **(extra_context or {})})

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, and revoke the key on POST."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        key = self.get_object(request, unquote(object_id))
        if key is None:
            raise Http404
        if request.method != "POST":
            context = {**self._page_context(request, _("Revoke secret key")), "key": key}
            return render(request, f"{_TEMPLATES}/revoke.html", context)
        with transaction.atomic(using=router.db_for_write(SecretKey)):
            if company_cache.revoke(key):
                self.log_change(request, key, pgettext("secret key", "Revoked."))
        messages.success(request, gettext("The secret key “%(name)s” was revoked.") % {"name": key.name})
        url = reverse("admin:alhena_tracking_secretkey_change", args=[key.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(url)

    def _page_context(self, request: HttpRequest, title: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "has_view_permission": self.has_view_permission(request),
        }
