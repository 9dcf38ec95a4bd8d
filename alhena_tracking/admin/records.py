"""Companies, visitor sessions, interactions and cart events."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking import company_cache, redating
from alhena_tracking.admin import formats
from alhena_tracking.admin.base import (
    CREDIT_FIELDS,
    REPORT_FIELDS,
    ChannelFilter,
    CompanyFilter,
    RecordAdmin,
    SafeLookupsAdmin,
)
from alhena_tracking.admin.lists.columns import CompanyTime
from alhena_tracking.admin.lists.filters import CurrencyFilter, DayFilter
from alhena_tracking.admin.review import SESSION_DECISIONS, actions_of
from alhena_tracking.admin.trace_pages.views import CartEventTraceMixin, SessionTraceMixin
from alhena_tracking.conf import conf
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.digests import text_digest
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    PendingConfirmation,
    Refund,
    Standing,
    VisitorSession,
)
from alhena_tracking.models.company import default_time_zone

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Company]
else:
    ModelForm = forms.ModelForm

#: Every number with so many digits can be an id.
_MOST_DIGITS = 18


def time_zone_choices() -> list[tuple[str, str]]:
    """Return the zones of the machine's data, without names that stand for offsets only."""
    return [(name, name) for name in sorted(zoneinfo.available_timezones()) if name == "UTC" or "/" in name]


class CompanyForm(ModelForm):
    """Declares the fields that Django's own do not fit: a choice of currencies, groups through a model."""

    currency = forms.ChoiceField(
        choices=[("", _("Not set")), *((code, code) for code in sorted(MINOR_UNITS))],
        label=capfirst(Company.currency.field.verbose_name),
        help_text=Company.currency.field.help_text,
        required=False,
    )
    time_zone = forms.ChoiceField(
        choices=time_zone_choices,
        label=capfirst(Company.time_zone.field.verbose_name),
        help_text=Company.time_zone.field.help_text,
        initial=default_time_zone,
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.all(),
        label=capfirst(Company.groups.field.verbose_name),
        help_text=Company.groups.field.help_text,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored, zones = self.instance.time_zone, time_zone_choices()
        field = self.fields.get("time_zone")  # none for who may only view the company
        if isinstance(field, forms.ChoiceField) and stored and (stored, stored) not in zones:
            # A zone that this machine knows by another name, or no more.
            field.choices = [(stored, stored), *zones]

    def clean_groups(self) -> Any:
        """Refuse groups that would restrict nothing."""
        groups = self.cleaned_data["groups"]
        if groups and not self.cleaned_data.get("is_restricted"):
            raise ValidationError(
                _("Only a restricted company has groups. Restrict it, or remove them."), code="invalid"
            )
        return groups


@admin.register(Company)
class CompanyAdmin(SafeLookupsAdmin):
    form = CompanyForm
    list_display = ["name", "key", "time_zone"]
    search_fields = ["name", "key"]

    class Media:
        js = ("alhena_tracking/copy.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        companies: QuerySet[Any] = Company.objects.visible_to(request.user)
        return companies

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        # Not ``fields``, where Django's check refuses ``groups``.
        fields = ["name", "key", "time_zone", "currency", "allowed_origins", "is_restricted", "groups"]
        return [*fields, "snippet"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["key", "snippet"] if obj else []  # the key is used by storefronts, and in the digests of fingerprints

    @admin.display(description=_("snippet"))
    def snippet(self, company: Company) -> str:
        """Return the tag for the head of the shop's pages, to be copied."""
        argument = "" if company.key == conf.company_key else f' company_key="{company.key}"'
        code = f"{{% load alhena_tracking %}}\n{{% alhena_snippet{argument} %}}"
        return format_html(
            '<pre id="alhena-snippet" dir="ltr">{}</pre> '
            '<button type="button" class="button" data-alhena-copy="alhena-snippet" data-alhena-copied="{}" hidden>{}'
            "</button>"
            '<div class="help">{}</div>',
            code,
            _("Copied"),
            _("Copy"),
            _("For the head of the template that all pages of the shop extend."),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        company_cache.clear_after_commit()
        if change and "time_zone" in form.changed_data:
            self._redate(request, obj)

    def _redate(self, request: HttpRequest, company: Company) -> None:
        """Re-date a company with few rows at once; else say what does."""
        walk = company.redating
        if walk is None:
            return
        if walk.is_short:

            def redate() -> None:
                # What is not done now is done by a later ``redating.redate_short``.
                redating.redate(company.pk, attempts=1)

            transaction.on_commit(redate, using=router.db_for_write(Company), robust=True)
        else:
            message = _(
                "New events have the days of the new time zone. manage.py alhena_maintenance moves the earlier ones; "
                "run it now if cron does not."
            )
            self.message_user(request, message, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        company_cache.clear_after_commit()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow deletion only without rows; Django would load all of them to say so."""
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return not any(
            model._default_manager.filter(company=obj.pk).exists()
            for model in (VisitorSession, PendingConfirmation, Refund)
        )


@admin.register(VisitorSession)
class VisitorSessionAdmin(SessionTraceMixin, RecordAdmin):
    decisions = SESSION_DECISIONS
    actions = actions_of(SESSION_DECISIONS)
    list_display = [
        CompanyTime(VisitorSession, "started_at"),
        "company",
        "channel_name",
        "ai_profile",
        CompanyTime(VisitorSession, "last_interaction_at"),
        "remarks",
    ]
    list_filter = [
        ("company", CompanyFilter),
        ("started_on", DayFilter),
        ChannelFilter,
        ("excluded_at", admin.EmptyFieldListFilter),
    ]
    date_hierarchy = "started_on"
    search_fields = ["ai_profile"]
    search_label = _("Search by number or AI profile.")
    fields = [
        "company",
        "started_at",
        "started_on",
        "last_interaction_at",
        "qualified_at",
        "channel_name",
        "ai_profile",
        "excluded_at",
        "excluded_by",
        "exclusion_reason",
    ]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        number = term.removeprefix("#")
        is_number = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
        return [{"pk": int(number)}] if is_number else []

    @admin.display(description=_("notes"), empty_value="")
    def remarks(self, session: VisitorSession) -> str:
        return str(formats.STANDING_WORDS[Standing.EXCLUDED]) if session.excluded_at is not None else ""


@admin.register(Interaction)
class InteractionAdmin(RecordAdmin):
    is_in_menu = False
    list_display = [
        CompanyTime(Interaction, "occurred_at"),
        "company",
        "kind",
        "product_id",
        "conversation_id",
        "ai_profile",
        "remarks",
    ]
    list_filter = [("company", CompanyFilter), ("occurred_on", DayFilter), "kind", "is_qualifying", "trust"]
    date_hierarchy = "occurred_on"
    search_fields = ["product_id", "conversation_id", "ai_profile"]
    search_label = _("Search by product ID, conversation ID or AI profile.")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "company",
                    "occurred_at",
                    "occurred_on",
                    "kind",
                    "is_qualifying",
                    "product_id",
                    "conversation_id",
                    "ai_profile",
                    "recommended_products",
                    "session",
                ]
            },
        ),
        REPORT_FIELDS,
    ]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return [{"conversation_id": term}]

    @admin.display(description=_("recommended products"))
    def recommended_products(self, interaction: Interaction) -> str:
        return ", ".join(interaction.recommended_product_ids or ())

    @admin.display(description=_("notes"), empty_value="")
    def remarks(self, interaction: Interaction) -> str:
        return "" if interaction.is_qualifying else str(_("Not qualifying"))


@admin.register(CartEvent)
class CartEventAdmin(CartEventTraceMixin, RecordAdmin):
    amounts = ("gmv",)
    list_display = [
        CompanyTime(CartEvent, "occurred_at"),
        "company",
        "type",
        "product_name",
        "quantity_reported",
        "gmv",
        "channel_name",
        "remarks",
    ]
    list_filter = [
        ("company", CompanyFilter),
        ("occurred_on", DayFilter),
        ("currency", CurrencyFilter),
        ChannelFilter,
        "type",
        "trust",
        "is_excluded",
    ]
    date_hierarchy = "occurred_on"
    search_fields = ["product_id", "product_name"]
    search_label = _("Search by product ID or name.")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "company",
                    "occurred_at",
                    "occurred_on",
                    "type",
                    "product_id",
                    "product_name",
                    "quantity_reported",
                    "value",
                    "value_basis",
                    "is_excluded",
                ]
            },
        ),
        (
            pgettext_lazy("of a cart event", "Effect on GMV"),
            {"fields": ["units", "gmv", "cart_quantity", "claimed_units", "claimed"]},
        ),
        CREDIT_FIELDS,
        REPORT_FIELDS,
    ]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return [{"product_id_digest": text_digest(term)}]

    @admin.display(description=_("notes"), empty_value="")
    def remarks(self, event: CartEvent) -> str:
        return str(formats.STANDING_WORDS[Standing.EXCLUDED]) if event.is_excluded else ""

    @admin.display(description=_("value"), ordering="value_minor")
    def value(self, row: CartEvent) -> str:
        return formats.price(row.value_minor, row.currency)

    @admin.display(description=_("quantity"), ordering="quantity")
    def quantity_reported(self, event: CartEvent) -> str:
        return formats.quantity(event.quantity)

    @admin.display(description=_("GMV"), ordering="gmv_minor")
    def gmv(self, event: CartEvent) -> str:
        return formats.money(event.gmv_minor, event.currency)

    @admin.display(description=_("claimed amount"))
    def claimed(self, event: CartEvent) -> str:
        return formats.money(event.claimed_minor, event.currency)
