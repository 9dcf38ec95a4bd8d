"""Hostile names and ids that a visitor may send, and a shop whose texts are all hostile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from alhena_tracking import models
from alhena_tracking.models import Company
from alhena_tracking.reports import Section
from tests.support import factories

_BASE = "/admin/alhena_tracking/"
HOSTILE = {
    "script": "</script><img src=x onerror=hacked()><script>hacked()</script>",
    "attribute": "\"' onmouseover=hacked() autofocus onfocus='hacked()' x=\"",
    "drawing": "</title></text></svg><svg onload=hacked()><!--",
    "textarea": "</textarea></option></select><iframe srcdoc='<script>hacked()</script>'>",
    "address": "javascript:hacked()",
    "data": "data:text/html,<script>hacked()</script>",
    "template": "{{ 7|add:7 }}{% now 'Y' %}{# #}%(count)s {0.__class__}",
    "style": "</style><style>*{background:url(//evil.example)}</style>",
    "formula": '=HYPERLINK("https://evil.example","Click")',
    "command": "=cmd|' /C calc'!A0",
    "plus": "+1",
    "minus": "-1+2",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "wide": "＝1+1",
    "emoji": "\U0001f9c0" * 512,
    "right-to-left": "\u202e\u2066\u2067\u200f" + "fdp.exe",
    "separators": "\u2028\u2029\x85</script>",
    "combining": "e" + "\u0301" * 200,
}


def fill(company: Company, text: str, at: datetime) -> dict[type[Any], Any]:
    """Create a row of every model with ``text`` in all its text fields, truncated to fit."""
    short = text[:255]
    reported = {"source": short}
    session = factories.VisitorSessionFactory.create(company=company, started_at=at, ai_profile=short)
    interaction = factories.InteractionFactory.create(
        session=session, product_id=short, conversation_id=short, ai_profile=short, **reported
    )
    credited = {"session": session, "credited_interaction": interaction, "ai_profile": short, **reported}
    later = at + timedelta(minutes=1)
    event = factories.CartEventFactory.create(**credited, occurred_at=at, product_id=short, product_name=text)
    order = factories.OrderFactory.create(**credited, occurred_at=later, order_id=short, has_conflict=True)
    factories.OrderLineFactory.create(order=order, product_id=short, product_name=text)
    lines = [{"product_id": short, "product_name": text, "quantity": "1", "total_minor": 1000}]
    key = models.SecretKey(company=company, name=text[:64])
    key.issue()
    models.RejectedEvent.objects.create(
        company=company,
        method="sendCartEvent",
        outcome="invalid",
        errors=[{"field": short[:100], "code": "required"}],
        origin=short,
        received_at=timezone.now(),
    )
    return {
        models.SecretKey: key,
        models.VisitorSession: session,
        models.Interaction: interaction,
        models.CartEvent: event,
        models.Order: order,
        models.OrderClaim: factories.OrderClaimFactory.create(**credited, order=order, line_items=lines),
        models.PendingConfirmation: factories.PendingConfirmationFactory.create(
            company=company, order_id=short, line_items=lines, **reported
        ),
        models.Refund: factories.RefundFactory.create(refunded_order=order, refund_id=short),
    }


def lists_of(models: Iterable[type[Any]], days: str) -> list[str]:
    """Return the pages that show many rows, the report first; ``days`` are its own, as a query string."""
    report = f"{_BASE}revenueimpact/?{days}"
    pages = [report, *(f"{report}&show={section}" for section in Section), f"{_BASE}eventdiagnostics/"]
    return [*pages, *(f"{_BASE}{model._meta.model_name}/" for model in models)]


def pages_of(rows: dict[type[Any], Any]) -> list[str]:
    """Return every page of the admin that shows one of these rows."""
    return [
        f"{_BASE}order/{rows[models.Order].pk}/exclude/",
        *(f"{_BASE}{model._meta.model_name}/{row.pk}/change/" for model, row in rows.items()),
        *(f"{_BASE}{model._meta.model_name}/{row.pk}/history/" for model, row in rows.items()),
    ]
