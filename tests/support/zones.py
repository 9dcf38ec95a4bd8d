"""Change a company's time zone, and re-date its rows as maintenance does later."""

from __future__ import annotations

from datetime import UTC, datetime

from alhena_tracking import redating
from alhena_tracking.models import CartEvent, Company, Interaction, Order, OrderClaim, Redating, Refund, VisitorSession

#: Every model whose rows have a day, with the names of its time and of its day.
DATED = {
    VisitorSession: ("started_at", "started_on"),
    Interaction: ("occurred_at", "occurred_on"),
    CartEvent: ("occurred_at", "occurred_on"),
    Order: ("occurred_at", "occurred_on"),
    OrderClaim: ("occurred_at", "occurred_on"),
    Refund: ("occurred_at", "occurred_on"),
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def change_zone(company: Company, zone: str) -> None:
    """Save a company with another zone, to which all processes changed a while ago."""
    company.time_zone = zone
    company.save()
    let_settle(company)


def let_settle(company: Company) -> None:
    """Let it be a while ago that the zone changed, by any clock of a test."""
    Company.objects.filter(pk=company.pk, zone_changed_at__isnull=False).update(zone_changed_at=LONG_AGO)
    company.refresh_from_db()


def move(company: Company, zone: str) -> None:
    """Change the zone, and re-date all rows."""
    change_zone(company, zone)
    redating.redate(company.pk)
    company.refresh_from_db()
    assert company.zone_changed_at is None
    assert not Redating.objects.filter(pk=company.pk).exists()


def rows_on_other_days(company: Company) -> int:
    """Return how many rows are not on their day of the company's zone."""
    number = 0
    for model, (moment, day) in DATED.items():
        for at, on in model._default_manager.filter(company=company).values_list(moment, day):
            number += at.astimezone(company.zone).date() != on
    return number
