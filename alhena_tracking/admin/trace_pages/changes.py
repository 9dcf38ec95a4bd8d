"""What the shop's server changed of an order, in words."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import Panel
from alhena_tracking.traces import Change, OrderTrace


def change_panels(trace: OrderTrace) -> list[Panel]:
    """Return a panel of the order's changes, or none if there are none."""
    zone, omitted = trace.order.company.zone, trace.changes.omitted
    sentences = [
        text % {"moment": formats.moment(change.at, zone), **_amounts(change)}
        for change in trace.changes.listed
        for text in _texts(change)
    ]
    if omitted:
        text = ngettext("%(count)s earlier change is not shown.", "%(count)s earlier changes are not shown.", omitted)
        sentences.insert(0, text % {"count": formats.count(omitted)})
    return [Panel(key="versions", heading=_("Versions"), sentences=sentences)] if sentences else []


def _amounts(change: Change) -> dict[str, str]:
    versions = {"before": change.before, "after": change.after}
    return {name: formats.money(version.value_minor, version.currency) for name, version in versions.items()}


def _texts(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if before.is_cancelled != after.is_cancelled:
        yield (
            _("On %(moment)s the shop's server cancelled the order.")
            if after.is_cancelled
            else _("On %(moment)s the shop's server reinstated the order.")
        )
    if (before.currency, before.value_minor) != (after.currency, after.value_minor):
        yield _("On %(moment)s the shop's server changed the order from %(before)s to %(after)s.")
    elif before.parts != after.parts:
        yield _("On %(moment)s the shop's server changed the tax, the shipping or the discount.")
    elif before.is_cancelled == after.is_cancelled and before.has_lines and after.has_lines:
        yield _("On %(moment)s the shop's server changed the items.")
