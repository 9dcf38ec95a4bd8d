"""The pages *Shop connections* and *Connect*, and the list of privacy requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from alhena_tracking.admin import formats
from alhena_tracking.admin.base import CompanyFilter, ReadOnlyMixin, RecordAdmin
from alhena_tracking.admin.diagnosis import outcome_table
from alhena_tracking.admin.lists.columns import CompanyTime
from alhena_tracking.admin.reconciliation import chosen_company
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.diagnosis.event_facts import EventFacts, OutcomeSums, read_facts
from alhena_tracking.diagnosis.outcomes import ACCEPTED
from alhena_tracking.integrations.connections import connection_in_settings, host_of
from alhena_tracking.integrations.platform import ConnectStep, Platform, all_platforms, find_platform
from alhena_tracking.models import Company, EventCount, PrivacyRequest, ShopConnection

if TYPE_CHECKING:
    from alhena_tracking.diagnosis.check import Text

    _ModelAdmin = admin.ModelAdmin[ShopConnection]
else:
    _ModelAdmin = admin.ModelAdmin

#: Code of more lines is folded.
LINES_SHOWN = 8

_TEMPLATES = "admin/alhena_tracking/shopconnection"
#: Outcomes of deliveries that were refused: what they hold never arrived.
_REFUSED = {"unauthorized", "forbidden", "rate_limited", "too_large"}


class ConnectionForm(forms.Form):
    """What a connection consists of. Secrets are not shown again: an empty field keeps the stored one."""

    shop = forms.CharField(
        label=_("Shop"),
        required=False,
        max_length=TEXT_LENGTH,
        help_text=_("Its domain. Webhooks that state another one are rejected. Empty: any."),
    )
    orders_count_once = forms.ChoiceField(
        label=_("Orders count once"),
        choices=ShopConnection.OrdersCountOnce.choices,
        help_text=_("Placed: also those that are paid on delivery or by transfer. Paid: only once the money is there."),
    )

    def __init__(self, *args: Any, platform: Platform, row: ShopConnection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.initial = {"shop": row.shop, "orders_count_once": row.orders_count_once}
        if not platform.has_unpaid_orders:
            del self.fields["orders_count_once"]
        self.fields["secret"] = _secret_field(
            _("Signing secret"), platform.secret_hint, is_required=True, is_stored=bool(row.secret)
        )
        if row.previous_secret:
            self.fields["forget_previous"] = forms.BooleanField(
                label=_("Stop accepting the previous secret"), required=False
            )
        if platform.has_api:
            hint = _("Read access to orders, so that those are fetched each night whose webhook was lost. Optional.")
            self.fields["api_key"] = _secret_field(_("API key"), hint, is_stored=bool(row.api_key))
            self.fields["api_secret"] = _secret_field(_("API secret"), "", is_stored=bool(row.api_secret))

    def clean_shop(self) -> str:
        return host_of(self.cleaned_data["shop"])

    def save(self) -> list[str]:
        """Save the row, and return the names of the fields that changed."""
        row, values = self.row, self.cleaned_data
        before = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
        if values.get("forget_previous"):
            row.previous_secret = ""
        if values["secret"] and values["secret"] != row.secret:
            row.secret, row.previous_secret = values["secret"], row.secret
        row.shop = values["shop"]
        row.orders_count_once = values.get("orders_count_once", row.orders_count_once)
        for name in ("api_key", "api_secret"):
            setattr(row, name, values.get(name) or getattr(row, name))
        row.save()
        return [name for name, value in before.items() if getattr(row, name) != value]


def _secret_field(label: Text, help_text: Text, *, is_stored: bool, is_required: bool = False) -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    if is_stored:
        attributes["placeholder"] = gettext("stored")
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=is_required and not is_stored,
        max_length=TEXT_LENGTH,
        widget=forms.PasswordInput(attrs=attributes),
    )


@admin.register(ShopConnection)
class ShopConnectionAdmin(ReadOnlyMixin, _ModelAdmin):
    """An overview of the platforms, and a page for each. Changing one takes the permission to change connections."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="alhena_tracking_shopconnection_changelist"),
            path("<slug:platform>/", view(self.connect_view), name="alhena_tracking_shopconnection_connect"),
        ]

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may set secrets and disconnect a shop."""
        return bool(request.user.has_perm("alhena_tracking.change_shopconnection"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_manage_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        context = self._context(request, capfirst(self.opts.verbose_name_plural))
        if company := context.get("company"):
            facts = read_facts(company, now=timezone.now())
            rows = {row.platform: row for row in ShopConnection.objects.filter(company=company)}
            context["platforms"] = [
                PlatformState.of(platform, facts, rows.get(platform.name), self._url(platform, company))
                for platform in all_platforms()
            ]
        return _answer(request, f"{_TEMPLATES}/change_list.html", context)

    @method_decorator(sensitive_post_parameters())
    def connect_view(self, request: HttpRequest, platform: str) -> HttpResponse:
        found = find_platform(platform)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if found is None:
            raise Http404
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        context = self._context(request, _("Connect %(platform)s") % {"platform": found.title})
        company = context.get("company")
        if company is None:
            return _answer(request, f"{_TEMPLATES}/connect.html", context)
        row = ShopConnection.objects.filter(company=company, platform=found.name).first()
        in_settings = connection_in_settings(company, found)
        may_change = self.has_manage_permission(request) and in_settings is None
        form = None
        if may_change:
            form = ConnectionForm(
                request.POST or None,
                platform=found,
                row=row or ShopConnection(company=company, platform=found.name),
            )
        if request.method == "POST":
            if form is None or context["unknown_company"]:
                raise PermissionDenied
            if "disconnect" in request.POST and row is not None:
                return self._disconnect(request, row, found)
            if form.is_valid():
                return self._save(request, form, found)
        facts = read_facts(company, now=timezone.now())
        context |= {
            "form": form,
            "is_connected": row is not None,
            "in_settings": in_settings,
            "state": PlatformState.of(found, facts, row, self._url(found, company)),
            "steps": _steps(request, found, facts),
            "deliveries": outcome_table(facts, _of_platform(facts, found)),
        }
        return _answer(request, f"{_TEMPLATES}/connect.html", context)

    def _save(self, request: HttpRequest, form: ConnectionForm, platform: Platform) -> HttpResponse:
        row = form.row
        is_new = row.pk is None
        with transaction.atomic(using=router.db_for_write(ShopConnection)):
            names = form.save()
            # Names of fields, never their values.
            message: Any = [{"added": {}}] if is_new else [{"changed": {"fields": sorted(names)}}]
            (self.log_addition if is_new else self.log_change)(request, row, message)
        messages.success(request, gettext("The connection was saved."))
        return HttpResponseRedirect(self._url(platform, row.company))

    def _disconnect(self, request: HttpRequest, row: ShopConnection, platform: Platform) -> HttpResponse:
        url = self._url(platform, row.company)
        with transaction.atomic(using=router.db_for_write(ShopConnection)):
            self.log_change(request, row, gettext("Disconnected."))
            row.delete()
        messages.success(request, gettext("Disconnected: webhooks are rejected from now on. What is recorded stays."))
        return HttpResponseRedirect(url)

    def _context(self, request: HttpRequest, title: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            **chosen_company(request),
        }

    def _url(self, platform: Platform, company: Company) -> str:
        url = reverse(
            "admin:alhena_tracking_shopconnection_connect", args=[platform.name], current_app=self.admin_site.name
        )
        return f"{url}?{urlencode({'company': company.key})}"


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = TemplateResponse(request, template, context)
    response.headers["Cache-Control"] = "no-store"  # a reload shows what has arrived
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """Whether a company is connected to a platform, in words, and the page that connects it."""

    title: str
    url: str
    key: str
    label: Text
    text: str

    @classmethod
    def of(cls, platform: Platform, facts: EventFacts, row: ShopConnection | None, url: str) -> PlatformState:
        is_connected = row is not None or connection_in_settings(facts.company, platform) is not None
        taken = [each for each in _of_platform(facts, platform) if each.outcome not in _REFUSED]
        last_at = max((each.last_at for each in taken), default=None)
        if not is_connected:
            key, label = "unknown", _("Not connected")
            text = gettext("Follow the steps, and save the signing secret below them.")
        elif last_at is None:
            key, label, text = "unknown", _("Waiting"), gettext("No webhook has arrived in the last 30 days.")
        else:
            key, label, text = "done", _("Connected"), gettext("Last webhook: %(ago)s.")
            text %= {"ago": formats.ago(last_at, facts.now)}
        return cls(title=platform.title, url=url, key=key, label=label, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepText:
    """A step of a platform's, with its code filled in, and what shows that it is done."""

    title: Text
    text: Text
    code: str
    is_judged: bool
    last: str

    @property
    def is_long(self) -> bool:
        """Whether the code is shown on request only."""
        return self.code.count("\n") >= LINES_SHOWN


def _steps(request: HttpRequest, platform: Platform, facts: EventFacts) -> list[StepText]:
    company = facts.company
    cart_events = reverse("alhena_tracking:cart_events")
    values = {
        "company_key": company.key,
        "webhook_url": request.build_absolute_uri(
            reverse("alhena_tracking:webhook", args=[platform.name, company.key])
        ),
        "endpoint": request.build_absolute_uri(cart_events.removesuffix("analytics/cart_events")),
        "static_url": request.build_absolute_uri(urljoin(str(settings.STATIC_URL), "alhena_tracking/")),
    }
    return [_step(step, platform, facts, values) for step in platform.steps]


def _step(step: ConnectStep, platform: Platform, facts: EventFacts, values: dict[str, str]) -> StepText:
    at = _last_at(step, platform, facts)
    return StepText(
        title=step.title,
        text=step.text,
        code=step.code_for(**values),
        is_judged=bool(step.topics or step.methods),
        last=formats.ago(at, facts.now) if at else "",
    )


def _last_at(step: ConnectStep, platform: Platform, facts: EventFacts) -> datetime | None:
    """Return when what a step sets up last arrived."""
    methods = {EventCount.webhook_method(platform.name, topic) for topic in step.topics}
    arrived = [
        *(each for each in facts.deliveries if each.method in methods and each.outcome not in _REFUSED),
        *(facts.select(methods=step.methods, outcomes=ACCEPTED) if step.methods else ()),
    ]
    return max((each.last_at for each in arrived), default=None)


def _of_platform(facts: EventFacts, platform: Platform) -> Sequence[OutcomeSums]:
    return list(_filtered(facts.deliveries, platform.name))


def _filtered(deliveries: Iterable[OutcomeSums], name: str) -> Iterable[OutcomeSums]:
    return (each for each in deliveries if (EventCount.webhook_of(each.method) or ("",))[0] == name)


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(RecordAdmin):
    """What platforms require for their customers. It names orders only."""

    list_display = ["kind", "company", "platform", CompanyTime(PrivacyRequest, "received_at")]
    list_filter = ["kind", ("company", CompanyFilter)]
    fields = ["kind", "company", "platform", "orders", "received_at"]

    @admin.display(description=_("order IDs"))
    def orders(self, request: PrivacyRequest) -> str:
        """Return the ids as a list."""
        ids = format_html_join("", "<li><bdi>{}</bdi></li>", ((each,) for each in request.order_ids))
        return format_html('<ul class="alhena-ids">{}</ul>', ids) if ids else formats.MISSING
