"""Where a user may go, and the foreign keys among a page's fields: links there, and mere texts elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, Model
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


def may_open(site: admin.AdminSite, model: type[Model], request: HttpRequest) -> bool:
    """Whether the site has pages of ``model``'s rows that the user may see."""
    return site.is_registered(model) and site.get_model_admin(model).has_view_permission(request)


class OpenLinksMixin(_ModelAdmin):
    """Django links every foreign key that stands read-only on a page, whether or not the link can be followed."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:  # a form to fill in
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
    """What Django's admin takes for a field of the same name and label."""

    def text(row: Model) -> str:
        target = getattr(row, field.name)
        return empty if target is None else str(target)

    text.__name__ = field.name
    return admin.display(text, description=field.verbose_name)
