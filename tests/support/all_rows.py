"""All rows that are stored, comparable between two runs."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model

from alhena_tracking.models import LockRow, Refund, VisitorSession


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table in the order of their ids, which are replaced by their places in it.

    Left out are the rows to lock, and the ids of refunds, which are random.
    """
    models = [model for model in apps.get_app_config("alhena_tracking").get_models() if not model._meta.proxy]
    places = {model: _places(model) for model in models}
    return {model.__name__: [_row(row, places) for row in _ordered(model)] for model in models if model is not LockRow}


def _ordered(model: type[Model]) -> list[Model]:
    return list(model._default_manager.order_by("pk"))


def _places(model: type[Model]) -> dict[Any, int]:
    pks = model._default_manager.order_by("pk").values_list("pk", flat=True)
    return {pk: place for place, pk in enumerate(pks)}


def _row(row: Model, places: dict[type[Model], dict[Any, int]]) -> dict[str, Any]:
    values = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        model = field.related_model if isinstance(field, ForeignKey) else type(row) if field.primary_key else None
        if model in places and value is not None:
            value = places[model][value]
        if field.name == "recommendations" and value is not None:
            value = [[places[VisitorSession][pk], *others] for pk, *others in value]
        if not (isinstance(row, Refund) and field.name == "event_id"):
            values[field.name] = value
    return values
