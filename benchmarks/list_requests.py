"""What the benchmark of lists opens, and the test of PostgreSQL's plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

#: Rows of the page that is called the 1,000th begin after so many.
FAR = 999 * 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and by which parameters."""

    what: str
    url: str
    asked: dict[str, Any] = field(default_factory=dict)


def listed() -> list[Any]:
    """The models with a list of many rows."""
    from alhena_tracking import models

    return [
        models.Order,
        models.CartEvent,
        models.VisitorSession,
        models.Interaction,
        models.OrderClaim,
        models.PendingConfirmation,
        models.Refund,
    ]


#: What is asked of each list beside its pages: filters that many, few and no rows match, and searches.
_ASKED: dict[str, dict[str, dict[str, Any]]] = {
    "order": {
        "channel": {"channel": "NUDGE"},
        "trust, which none has": {"trust__exact": "VERIFIED"},
        "standing, which none has": {"standing": "HELD"},
        "conflict, which none has": {"has_conflict__exact": "1"},
        "currency": {"currency__exact": "GBP"},
        "by amount": {"currency__exact": "EUR", "o": "-4"},
        "order ID": {"q": "order {far}"},
        "part of an ID": {"q": "der {far_part}"},
        "unknown ID": {"q": "nothing"},
    },
    "cartevent": {
        "channel": {"channel": "NUDGE"},
        "type": {"type__exact": "ITEM_REMOVED"},
        "type, which none has": {"type__exact": "QUANTITY_INCREASED"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "excluded, which none is": {"is_excluded__exact": "1"},
        "currency": {"currency__exact": "GBP"},
        "by amount": {"currency__exact": "EUR", "o": "-5"},
        "product ID": {"q": "sku-499"},
        "part of a name": {"q": "duct 49"},
        "unknown name": {"q": "nothing"},
    },
    "visitorsession": {
        "channel": {"channel": "NUDGE"},
        "excluded, which none is": {"excluded_at__isempty": "0"},
        "number": {"q": "{far}"},
        "AI profile": {"q": "butler"},
        "unknown AI profile": {"q": "nothing"},
    },
    "interaction": {
        "kind": {"kind__exact": "NUDGE"},
        "not qualifying, which none is": {"is_qualifying__exact": "0"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "AI profile": {"q": "butler"},
        "unknown ID": {"q": "nothing"},
    },
    "orderclaim": {
        "channel": {"channel": "NUDGE"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
    "pendingconfirmation": {
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
    "refund": {
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
}


def admin_requests(companies: list[Any]) -> Iterator[Request]:
    """Yield the pages of every list and of one of its rows."""
    from django.urls import reverse

    for model in listed():
        name = str(model._meta.model_name)
        url = reverse(f"admin:alhena_tracking_{name}_changelist")
        words = str(model._meta.verbose_name_plural)
        far = far_row(model, companies)
        yield Request(f"{words}: first page", url)
        yield Request(f"{words}: 1,000th page", url, {"p": page_after(model, far)})
        yield Request(f"{words}: last page", url, {"p": "oldest"})
        yield Request(f"{words}: one company", url, {"company__id__exact": companies[0].pk})
        if hasattr(far, "occurred_on") or hasattr(far, "started_on"):
            day = "occurred_on" if hasattr(far, "occurred_on") else "started_on"
            on = getattr(far, day)
            parts = {f"{day}__year": on.year, f"{day}__month": on.month, f"{day}__day": on.day}
            yield Request(f"{words}: a day", url, parts)
            yield Request(f"{words}: a year", url, {f"{day}__gte": on - timedelta(days=365), f"{day}__lte": on})
        for what, asked in _ASKED[name].items():
            values = {key: str(value).format(far=far.pk, far_part=str(far.pk)[:-1]) for key, value in asked.items()}
            yield Request(f"{words}: {what}", url, values)
        yield Request(f"{words}: one row", reverse(f"admin:alhena_tracking_{name}_change", args=[far.pk]))


def json_requests(companies: list[Any]) -> Iterator[Request]:
    """Yield the pages of every endpoint with rows."""
    from django.urls import reverse

    from alhena_tracking.models import CartEvent, Order, VisitorSession

    filters: dict[Any, list[dict[str, Any]]] = {
        Order: [
            {"channel": "NUDGE"},
            {"trust": "VERIFIED"},
            {"currency": "GBP"},
            {"is_counted": "true"},
            {"is_counted": "false"},
            {"has_conflict": "true"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
        CartEvent: [
            {"channel": "NUDGE"},
            {"trust": "CONFIRMED"},
            {"currency": "GBP"},
            {"type": "QUANTITY_DECREASED"},
            {"product_id": "sku-499"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
        VisitorSession: [
            {"channel": "NUDGE"},
            {"has_order": "true"},
            {"has_order": "false"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
    }
    names = {Order: "orders", CartEvent: "cart-events", VisitorSession: "sessions"}
    for model, asked in filters.items():
        url = reverse(f"alhena_tracking:staff_{names[model].replace('-', '_')}")
        far = far_row(model, companies)
        on = getattr(far, "occurred_on", None) or far.started_on
        yield Request(f"api/{names[model]}", url)
        yield Request(f"api/{names[model]}: 1,000th page", url, {"cursor": _place(model, far).token})
        yield Request(f"api/{names[model]}: a day", url, {"start": on, "end": on})
        yield Request(f"api/{names[model]}: a company", url, {"company": companies[0].key})
        for chosen in asked:
            what = ", ".join(f"{key}={value}" for key, value in chosen.items())
            yield Request(f"api/{names[model]}: {what}", url, chosen)


def _moment(model: Any) -> str:
    fields = {"visitorsession": "started_at", "pendingconfirmation": "received_at"}
    return fields.get(str(model._meta.model_name), "occurred_at")


def far_row(model: Any, companies: list[Any]) -> Any:
    """Return the last row before the page that is called the 1,000th, or the middle one of fewer."""
    rows = model.objects.filter(company__in=[company.pk for company in companies])
    place = min(FAR, rows.count() // 2)
    return rows.order_by(f"-{_moment(model)}", "-pk")[place]


def _place(model: Any, row: Any) -> Any:
    from alhena_tracking.db.row_pages import Place

    return Place(getattr(row, _moment(model)), row.pk)


def page_after(model: Any, row: Any) -> str:
    return f"older-{_place(model, row).token}"
