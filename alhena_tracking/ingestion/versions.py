"""The versions of one order that the shop's server sent before the one that stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.claims import Amount, amount_of
from alhena_tracking.ingestion.data import ORDER_PARTS, Lines, OrderData
from alhena_tracking.models import Company, Order, OrderVersion, PendingConfirmation

#: What holds a version: the order or, while it is unknown, what waits for it; or a former version.
Holder: TypeAlias = Order | PendingConfirmation | OrderVersion


@dataclass
class Versions:
    """The former versions of one order, in order of arrival, those that arrived too late to stand included."""

    rows: list[OrderVersion] = field(default_factory=list)
    #: The lines of the version that stands; ``None`` if the shop's server gave none.
    standing_lines: Lines | None = None
    #: Versions that waited too long for a claim, to be deleted.
    forgotten: list[OrderVersion] = field(default_factory=list)

    @property
    def amounts(self) -> set[Amount]:
        return {amount_of(row) for row in self.rows}

    def restates(self, standing: Order | PendingConfirmation, data: OrderData, lines: Lines | None) -> bool:
        """Return whether the shop's server says again what stands or, with no time of its own, what it said before.

        That an order is not cancelled is no repetition once it is: it reinstates the order.
        """
        is_reinstated = standing.is_cancelled and data.is_cancelled is False
        return _is_equal(standing, self.standing_lines, data, lines) or (
            data.updated_at is None
            and not is_reinstated
            and any(_is_equal(row, row.line_items, data, lines) for row in self.rows)
        )

    def forget(self) -> None:
        """Drop what was said of an order that nobody claimed in time."""
        self.forgotten, self.rows, self.standing_lines = self.rows, [], None

    def supersede(self, standing: Order | PendingConfirmation, at: datetime) -> None:
        """Keep the version that stands, which a later one replaces."""
        self._keep(standing, self.standing_lines, at)

    def keep_late(self, company: Company, data: OrderData, lines: Lines | None) -> None:
        """Keep a version that arrived after a later one."""
        if not any(_is_equal(row, row.line_items, data, lines) for row in self.rows):
            self._keep(order_rows.new_pending(company, data, lines, replacing=None), lines, data.received_at)

    def _keep(self, holder: Order | PendingConfirmation, lines: Lines | None, at: datetime) -> None:
        assert holder.updated_at is not None  # noqa: S101  (the shop's server sent it)
        version = OrderVersion(
            company_id=holder.company_id,
            order_id_digest=holder.order_id_digest,
            event_id=holder.event_id,
            source=holder.source,
            line_items=lines,
            updated_at=holder.updated_at,
            superseded_at=at,
            is_cancelled=holder.is_cancelled,
        )
        order_rows.copy_amounts(holder, version)
        self.rows.append(version)


def _is_equal(version: Holder, its_lines: Lines | None, data: OrderData, lines: Lines | None) -> bool:
    """Return whether a version is what the shop's server says, as far as it says it."""
    stated = {name: value for name in ORDER_PARTS if (value := getattr(data, name)) not in {None, ""}}
    return (
        amount_of(version) == amount_of(data)
        and all(getattr(version, name) == value for name, value in stated.items())
        and data.is_cancelled in {None, version.is_cancelled}
        and (lines is None or (its_lines is not None and _contents(its_lines) == _contents(lines)))
    )


def _contents(lines: Iterable[dict[str, object]]) -> list[tuple[str, Decimal, int]]:
    return sorted(
        (str(line["product_id"]), Decimal(str(line["quantity"])), int(str(line["total_minor"]))) for line in lines
    )
