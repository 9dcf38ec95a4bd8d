"""Examples of the answers to staff, made of rows that are never stored."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from alhena_tracking.api.staff import views
from alhena_tracking.models import CartEvent, Company, Interaction, Order, OrderLine, Refund, VisitorSession
from alhena_tracking.reports import RevenueImpactReport
from alhena_tracking.reports.figures import DayFigures, Figures
from alhena_tracking.reports.periods import Period
from alhena_tracking.reports.products import ProductFigures
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.revenue_impact import ChannelFigures

_DAY = date(2026, 1, 31)
_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
_COMPANY = Company(key="acme", time_zone="Europe/Berlin")


def orders() -> dict[str, Any]:
    order = Order(
        pk=1,
        event_id=UUID("5a1e9c3b-2f74-4d86-b0c9-6e7d8f1a2b34"),
        order_id="1001",
        value_minor=17800,
        **_credited(),
    )
    refund = Refund(
        refund_id="r-7",
        value_minor=1990,
        counted_minor=1990,
        occurred_at=_AT + timedelta(days=3),
        occurred_on=_DAY + timedelta(days=3),
    )
    line = OrderLine(product_id="SKU-1", product_name="Gooseneck kettle", quantity=Decimal(2), total_minor=17800)
    order._prefetched_objects_cache = {"refunds": [refund], "lines": [line]}  # type: ignore[attr-defined]
    return _page(views.OrdersView, order)


def cart_events() -> dict[str, Any]:
    event_id = UUID("b7d0c1de-6a0f-4a55-8f64-0f3a7a0e9d13")
    event = CartEvent(event_id=event_id, type="ITEM_ADDED", value_minor=8900, value_basis="unit", **_credited())
    event.product_id, event.product_name = "SKU-1", "Gooseneck kettle"
    event.quantity, event.units, event.gmv_minor = Decimal(2), Decimal(2), 17800
    return _page(views.CartEventsView, event)


def sessions() -> dict[str, Any]:
    session = _session()
    session.has_order = True  # type: ignore[attr-defined]
    return _page(views.SessionsView, session)


def report() -> dict[str, Any]:
    sums = {"add_to_cart_minor": 17800, "cart_events": 1, "carts": 1, "purchase_minor": 17800, "refunded_minor": 1990}
    day = DayFigures(on=_DAY, channel="FAQ", orders=1, sessions=3, converted_sessions=1, **sums)
    product = ProductFigures(
        product_id="SKU-1",
        name="Gooseneck kettle",
        add_to_cart_minor=17800,
        units_added=Decimal(2),
        purchase_minor=17800,
        direct_minor=17800,
        units_purchased=Decimal(2),
    )
    figures = Figures.of([day], [day])
    example = RevenueImpactReport(
        query=ReportQuery(company=_COMPANY, period=Period(_DAY, _DAY), is_compared=False),
        currency="USD",
        other_currencies=(),
        days=(day,),
        session_days=(day,),
        channels=(ChannelFigures("FAQ", figures),),
        products=(product,),
        product_count=1,
        lines_minor=17800,
        current=figures,
        previous=None,
    )
    return views.RevenueImpactView.serializer.to_representation(example)


def _session() -> VisitorSession:
    times = {"started_at": _AT, "started_on": _DAY, "last_interaction_at": _AT, "qualified_at": _AT}
    return VisitorSession(pk=7, company=_COMPANY, channel="FAQ", **times)


def _credited() -> dict[str, Any]:
    """What cart events and orders have in common."""
    interaction_id = UUID("0c5b6a49-7f3e-4c1d-8e2a-9b8c7d6e5f40")
    return {
        "company": _COMPANY,
        "session": _session(),
        "occurred_at": _AT + timedelta(minutes=10),
        "occurred_on": _DAY,
        "received_at": _AT + timedelta(minutes=10),
        "source": "SHOPIFY",
        "currency": "USD",
        "channel": "FAQ",
        "credited_interaction": Interaction(event_id=interaction_id, kind="FAQ", product_id="SKU-1", occurred_at=_AT),
        "attribution_window": timedelta(hours=24),
        "attribution_model": "first_touch",
    }


def _page(view: type[views.StaffView], row: Any) -> dict[str, Any]:
    return {"next": None, "results": [view.serializer.to_representation(row)]}
