"""Compare the orders of a file with those that are recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Max, Min, Sum
from django.utils.translation import gettext_lazy as _

from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import INTERACTION_GRACE
from alhena_tracking.digests import fingerprint_digests, text_digest
from alhena_tracking.models import Company, HeldReason, Interaction, Order, PendingConfirmation, Refund, Standing
from alhena_tracking.reconciliation.order_file import FileOrder, OrderFile

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_Item = TypeVar("_Item")

#: So many ids are looked up at once.
CHUNK = 500
#: So many orders that need a look are shown one by one.
SHOWN_ORDERS = 200
#: Of the orders that count in the days of the file, so many are looked for in it.
MOST_COUNTED = 50_000


class Verdict(models.TextChoices):
    """What became of an order of the file, or of one that only we have."""

    AGREES = "AGREES", _("agrees")
    DIFFERS = "DIFFERS", _("differs")
    HELD = "HELD", _("held back")
    UNCLAIMED = "UNCLAIMED", _("confirmed, never claimed")
    MISSED = "MISSED", _("not reported, but the visitor had used the assistant")
    NO_RECORD = "NO_RECORD", _("no record of the visitor")
    UNREAD = "UNREAD", _("line not read")
    LACKING = "LACKING", _("not in the file")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedOrder:
    """An order with what the file says of it, what we have recorded, and in words why they differ.

    ``pk`` is the recorded order's. Amounts are in minor units of the currency beside them.
    """

    verdict: Verdict
    order_id: str
    line: int | None = None
    on: date | None = None
    file_minor: int | None = None
    file_currency: str = ""
    reasons: tuple[_StrOrPromise, ...] = ()
    pk: int | None = None
    our_minor: int | None = None
    our_currency: str = ""
    refunded_minor: int = 0


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """``days`` are the first and the last of the file, where the orders that we count on them were looked for in it.

    ``without_id`` are counted orders of these days that cannot be compared. ``is_cut`` if there were too many to look
    for.
    """

    company: Company
    orders: list[ComparedOrder] = field(default_factory=list)
    repeated: int = 0
    days: tuple[date, date] | None = None
    without_id: int = 0
    is_cut: bool = False

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(order.verdict for order in self.orders)

    @property
    def noted(self) -> list[ComparedOrder]:
        """The orders that need a look: neither those that agree nor those of visitors without a record."""
        return [order for order in self.orders if order.verdict not in {Verdict.AGREES, Verdict.NO_RECORD}]

    @property
    def in_file(self) -> int:
        """How many orders the file has."""
        return sum(order.verdict not in {Verdict.UNREAD, Verdict.LACKING} for order in self.orders)


def reconcile(company: Company, file: OrderFile) -> Reconciliation:
    """Compare the file's orders with the company's. Takes at most four queries for ``CHUNK`` orders, and three."""
    found = Reconciliation(company=company, repeated=file.repeated)
    for orders in _chunks(file.orders):
        found.orders += _compare(company, orders)
    found.orders += (
        ComparedOrder(verdict=Verdict.UNREAD, line=line.line, order_id=line.order_id, reasons=(line.error.message,))
        for line in file.unread
    )
    _add_lacking(found, file.orders)
    return found


def _compare(company: Company, orders: Sequence[FileOrder]) -> list[ComparedOrder]:
    digests = {order.order_id: text_digest(order.order_id) for order in orders}
    known = {"company": company, "order_id_digest__in": digests.values()}
    fields = ("order_id_digest", "currency", "value_minor", "trust", "standing", "held_reason")
    recorded = {row.order_id_digest: row for row in Order.objects.filter(**known).only(*fields)}
    refunded = dict(
        Refund.objects.filter(refunded_order__in=[row.pk for row in recorded.values()])
        .order_by()
        .values_list("refunded_order")
        .annotate(Sum("value_minor"))
    )
    waiting = {row.order_id_digest: row for row in PendingConfirmation.objects.filter(**known)}
    unknown = [order for order in orders if digests[order.order_id] not in recorded]
    missed = _missed(company, unknown)
    compared = []
    for order in orders:
        digest = digests[order.order_id]
        if (row := recorded.get(digest)) is not None:
            compared.append(_of_recorded(order, row, refunded.get(row.pk, 0)))
        elif (pending := waiting.get(digest)) is not None and not pending.is_denial:
            stated = {"our_minor": pending.value_minor, "our_currency": pending.currency}
            reasons = (_("the visitor had used the assistant"),) if order.order_id in missed else ()
            compared.append(_of_file(order, Verdict.UNCLAIMED, reasons=reasons, **stated))
        else:
            compared.append(_of_file(order, Verdict.MISSED if order.order_id in missed else Verdict.NO_RECORD))
    return compared


def _of_file(order: FileOrder, verdict: Verdict, **fields: object) -> ComparedOrder:
    return ComparedOrder(
        verdict=verdict,
        order_id=order.order_id,
        line=order.line,
        on=order.when.on if order.when else None,
        file_minor=order.value_minor,
        file_currency=order.currency,
        **fields,  # type: ignore[arg-type]
    )


def _of_recorded(order: FileOrder, row: Order, refunded_minor: int) -> ComparedOrder:
    reasons = tuple(_differences(order, row, refunded_minor))
    verdict = Verdict.HELD if row.standing == Standing.HELD else Verdict.DIFFERS if reasons else Verdict.AGREES
    return _of_file(
        order,
        verdict,
        reasons=reasons,
        pk=row.pk,
        our_minor=row.value_minor,
        our_currency=row.currency,
        refunded_minor=refunded_minor,
    )


def _differences(order: FileOrder, row: Order, refunded_minor: int) -> Iterator[_StrOrPromise]:
    if row.standing == Standing.HELD and row.held_reason:
        yield HeldReason(row.held_reason).label
    elif row.standing != Standing.COUNTED:
        yield Standing(row.standing).label
    elif not row.is_counted:
        yield _("reported by a browser only, and CONFIRMED_ORDERS_ONLY is set")
    if order.currency != row.currency:
        yield _("another currency")
    elif order.value_minor != row.value_minor:
        is_net = refunded_minor and order.value_minor == row.value_minor - refunded_minor
        yield _("the file has the amount after refunds") if is_net else _("another amount")


def _missed(company: Company, orders: Sequence[FileOrder]) -> set[str]:
    """Return the ids of orders whose visitor had used the assistant within the attribution window before.

    Their digests are computed and looked up, and stored nowhere.
    """
    digests = {
        order.order_id: fingerprint_digests(company.key, order.visitor) for order in orders if order.visitor is not None
    }
    used = _uses(company, {digest for each in digests.values() for digest in each})
    return {
        order.order_id
        for order in orders
        for digest in digests.get(order.order_id, ())
        if any(_is_within(order, first, last) for first, last in used[digest])
    }


def _uses(company: Company, digests: Collection[UUID]) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """Return the first and the last qualifying interaction of each visitor and day."""
    used: dict[UUID, list[tuple[datetime, datetime]]] = {digest: [] for digest in digests}
    for name in ("user_fingerprint_digest", "faq_fingerprint_digest") if digests else ():
        rows = Interaction.objects.filter(company=company, is_qualifying=True, **{f"{name}__in": digests}).order_by()
        days = rows.values_list(name, "occurred_on").annotate(Min("occurred_at"), Max("occurred_at"))
        for digest, _on, first, last in days:
            used[digest].append((first, last))
    return used


def _is_within(order: FileOrder, first: datetime, last: datetime) -> bool:
    if order.when is None:
        return True
    return first <= order.when.last + INTERACTION_GRACE and last >= order.when.first - conf.attribution_window


def _add_lacking(found: Reconciliation, orders: Sequence[FileOrder]) -> None:
    """Add the orders that we count on the days of the file, and that it does not have."""
    days = [order.when.on for order in orders if order.when is not None]
    if not days:
        return
    found.days = min(days), max(days)
    in_file = {text_digest(order.order_id) for order in orders}
    counted = Order.objects.counted().between(*found.days).filter(company=found.company).order_by("occurred_on", "pk")
    rows = list(
        counted.values_list("pk", "order_id", "order_id_digest", "occurred_on", "value_minor", "currency")[
            : MOST_COUNTED + 1
        ]
    )
    found.is_cut = len(rows) > MOST_COUNTED
    for pk, order_id, digest, on, value_minor, currency in rows[:MOST_COUNTED]:
        if digest is None:
            found.without_id += 1
        elif digest not in in_file:
            lacking = ComparedOrder(
                verdict=Verdict.LACKING, order_id=order_id, pk=pk, on=on, our_minor=value_minor, our_currency=currency
            )
            found.orders.append(lacking)


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
