"""Mixins and filters shared by the admin's pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import BooleanField, DateTimeField, ForeignKey, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.admin import formats
from alhena_tracking.admin.lists.change_list import RecordChangeList
from alhena_tracking.admin.lists.columns import NOTHING, CompanyTime, yes_or_no
from alhena_tracking.admin.lists.filters import visible_companies
from alhena_tracking.contract import limits
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.models import Channel, Trust

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline

#: The errors of look-ups by values that Django cannot compare or the database does not accept.
_LOOKUP_ERRORS = (ArithmeticError, AttributeError, DatabaseError, LookupError, TypeError, ValueError)


def may_open(site: admin.AdminSite, model: type[Model], request: HttpRequest) -> bool:
    """Return whether the site has pages of ``model`` that the user may view."""
    return site.is_registered(model) and site.get_model_admin(model).has_view_permission(request)


def is_searchable(term: str) -> bool:
    return "\0" not in term and len(term) <= limits.PRODUCT_NAME_LENGTH


class ReadOnlyMixin:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OpenLinksMixin(ModelAdmin):
    """Shows a foreign key as text where the user may not open its page; Django would link it all the same."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:  # the form to add a row
            return fieldsets
        return [
            (title, {**options, "fields": [self._link_or_text(request, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def _link_or_text(self, request: HttpRequest, name: Any) -> Any:
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return name
        if not isinstance(field, ForeignKey) or may_open(self.admin_site, field.related_model, request):
            return name
        return _text_of(field, self.get_empty_value_display())


@cache
def _text_of(field: ForeignKey[Any], empty: str) -> Callable[[Model], str]:
    """Return a display function with the name and label of the field."""

    def text(row: Model) -> str:
        target = getattr(row, field.name)
        return empty if target is None else str(target)

    text.__name__ = field.name
    return admin.display(text, description=field.verbose_name)


class SafeLookupsAdmin(ModelAdmin):
    """Treats look-ups that raise (NUL bytes, invalid patterns, half a range) as Django treats other invalid ones."""

    empty_value_display = NOTHING

    class Media:
        css: ClassVar = {"all": ["alhena_tracking/lists.css"]}

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            with transaction.atomic(using=self.get_queryset(request).db):
                return super().get_changelist_instance(request)
        except _LOOKUP_ERRORS as error:
            if not request.GET:
                raise  # not caused by a look-up
            raise IncorrectLookupParameters(str(error)) from error

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow no look-up by a digest, which could be guessed from what it finds."""
        if "digest" in lookup:
            return False
        return super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find nothing for terms that no row can contain; Django does not handle their errors in related searches."""
        if not is_searchable(search_term):
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)


class RecordAdmin(ReadOnlyMixin, OpenLinksMixin, SafeLookupsAdmin):
    """Read-only pages of the rows of companies that the user may see."""

    list_select_related: ClassVar[tuple[str, ...]] = ("company",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    #: Columns that the list can be sorted by within one currency.
    amounts: ClassVar[tuple[str, ...]] = ()
    #: Whether the menu has an entry; else the pages are reached by links from others.
    is_in_menu = True
    actions: Sequence[Callable[..., Any]] | None = None
    #: The label of the search. ``search_help_text`` stands below it in Django's pages, and in a placeholder in others.
    search_label: Any = ""

    @property
    def moment(self) -> str:
        """The field that the list is in the order of, the latest first."""
        ordering: Any = self.ordering or self.opts.ordering
        return str(ordering[0]).removeprefix("-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # By literal ids: of a subquery's rows, PostgreSQL expects one.
        pks = [company.pk for company in visible_companies(request)]
        return super().get_queryset(request).filter(company__in=pks)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out the company where there is one, and say once which zone times have where all have one."""
        companies = visible_companies(request)
        columns: list[Any] = [*super().get_list_display(request)]
        if len(companies) == 1:
            columns = [column for column in columns if column != "company"]
        zones = {company.time_zone for company in companies}
        if len(zones) == 1:
            [zone] = zones
            columns = [column.within(zone) if isinstance(column, CompanyTime) else column for column in columns]
        return columns

    def read_along(self, rows: Sequence[Any]) -> None:
        """Read what columns show of other tables, for all rows of a page at once."""

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """Sort by no column but amounts, and by these only where one currency is chosen."""
        return self.amounts if request.GET.get("currency__exact") in MINOR_UNITS else ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordChangeList

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        """Return look-ups, each by an index, that find whole ids."""
        return []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by a whole id, and only where there are none, by parts of texts."""
        if is_searchable(search_term) and (term := search_term.strip()):
            for match in self.exact_matches(request, term):
                if self.get_queryset(request).filter(**match).order_by().exists():
                    return queryset.filter(**match), False
        return super().get_search_results(request, queryset, search_term)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return super().get_model_perms(request) if self.is_in_menu else {}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Check the permission first: Django looks up the row before, which reveals whether it exists."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def _link_or_text(self, request: HttpRequest, name: Any) -> Any:
        """Show times by the company's clock, and what is true or not in a word: no red cross for what is healthy."""
        field = next((field for field in self.opts.concrete_fields if field.name == name), None)
        if isinstance(field, DateTimeField):
            return CompanyTime(self.model, name)
        if isinstance(field, BooleanField):
            return yes_or_no(self.model, name)
        return super()._link_or_text(request, name)

    @admin.display(description=pgettext_lazy("title of a narrow column", "Trust"), ordering="trust")
    def trust_word(self, row: Any) -> str:
        return str(formats.TRUST_WORDS[Trust(row.trust)])

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, row: Any) -> str:
        return str(dict(Channel.choices)[row.channel]) if row.channel in Channel.values else NOTHING

    @admin.display(description=_("attribution window"), ordering="attribution_window")
    def window(self, row: Any) -> str:
        return formats.window(row.attribution_window)

    @admin.display(description=_("Amount"), ordering="value_minor")
    def value(self, row: Any) -> str:
        return formats.money(row.value_minor, row.currency)


class CompanyFilter(admin.RelatedFieldListFilter):
    """Offers only the companies that the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [(company.pk, str(company)) for company in visible_companies(request)]


class ChannelFilter(admin.SimpleListFilter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return Channel.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(channel=self.value()) if self.value() in Channel.values else queryset


FieldSet: TypeAlias = tuple[Any, Any]

CREDIT_FIELDS: FieldSet = (
    _("Attribution"),
    {
        "fields": [
            "session",
            "credited_interaction",
            "channel_name",
            "ai_profile",
            "window",
            "attribution_model",
        ]
    },
)
REPORT_FIELDS: FieldSet = (
    pgettext_lazy("of an event", "Event details"),
    {"fields": ["trust", "source", "received_at", "event_id"]},
)
