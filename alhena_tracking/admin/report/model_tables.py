"""The attribution models side by side, as texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.tables import ColumnGroup, Row, Table
from alhena_tracking.models import Channel
from alhena_tracking.reports import AttributionModels, ModelFigures, RevenueImpactReport, Series


@dataclass(frozen=True, slots=True)
class ModelsText:
    """What the models are, by how many orders they differ, and tables by channel and AI profile, if there are any."""

    sentences: list[str]
    explanations: list[tuple[str, str]]
    channels: Table | None
    profiles: Table | None


def models_context(report: RevenueImpactReport) -> dict[str, Any]:
    models = report.models
    if models is None or not models.total.credited_orders:
        return {"models": ModelsText([_("There is no purchase revenue to divide.")], [], None, None)}
    channels = {value: str(label) for value, label in Channel.choices}
    has_profiles = any(one.name != "" for one in models.profiles)
    return {
        "models": ModelsText(
            _sentences(report, models),
            _explanations(),
            _table(report, models, _("Channel"), [(channels[one.name or ""], one) for one in models.channels]),
            _table(report, models, _("AI profile"), [(_profile(one.name), one) for one in models.profiles])
            if has_profiles
            else None,
        )
    }


def _profile(name: str | None) -> str:
    return _("Other AI profiles") if name is None else name or _("No AI profile")


def _sentences(report: RevenueImpactReport, models: AttributionModels) -> list[str]:
    if models.several_orders:
        text = ngettext(
            "Models differ by orders that several channels or AI profiles touched: %(several)s of %(count)s order.",
            "Models differ by orders that several channels or AI profiles touched: %(several)s of %(count)s orders.",
            models.total.credited_orders,
        )
        numbers = {"several": models.several_orders, "count": models.total.credited_orders}
        sentences = [text % {name: formats.count(number) for name, number in numbers.items()}]
    else:
        sentences = [_("No order is known to have been touched by several channels or AI profiles: the models agree.")]
    if count := models.orders_without_touches:
        text = ngettext(
            "%(count)s order has no stored touches: it is older than these, or its visitor was erased. It counts as "
            "touched once, by what it is credited to.",
            "%(count)s orders have no stored touches: they are older than these, or their visitors were erased. They "
            "count as touched once, by what they are credited to.",
            count,
        )
        sentences.append(text % {"count": formats.count(count)})
    if report.query.credit:
        sentences.append(
            _("The filters choose orders by what they are credited to; others can have touched them, too.")
        )
    return sentences


def _explanations() -> list[tuple[str, str]]:
    return [
        (
            _("As credited"),
            _("An order goes to the interaction chosen when it was recorded. All else on this page is as credited."),
        ),
        (_("First touch"), _("An order goes to the first qualifying interaction in its attribution window.")),
        (_("Last touch"), _("An order goes to the last qualifying interaction in its attribution window.")),
        (
            _("Linear touch"),
            _("An order is divided equally among all qualifying interactions in its attribution window."),
        ),
    ]


def _table(
    report: RevenueImpactReport,
    models: AttributionModels,
    heading: str,
    rows: Iterable[tuple[str, ModelFigures]],
) -> Table:
    write = formats.amount_writer(report.currency)

    def cells(one: ModelFigures) -> list[str]:
        return [
            *(formats.count(one.credited_orders), write(one.credited_minor)),
            *(formats.count(one.first_orders), write(one.first_minor)),
            *(formats.count(one.last_orders), write(one.last_minor)),
            write(one.linear_minor),
        ]

    columns = [_("Orders"), _("Revenue")]
    return Table(
        caption=_("Amounts in %(currency)s.") % {"currency": report.currency},
        heading=heading,
        groups=[
            ColumnGroup(_("As credited"), Series.PURCHASES, columns),
            ColumnGroup(_("First touch"), Series.PURCHASES, columns),
            ColumnGroup(_("Last touch"), Series.PURCHASES, columns),
            ColumnGroup(_("Linear touch"), Series.PURCHASES, columns[1:]),
        ],
        rows=[Row(label, cells(one)) for label, one in rows],
        total=Row(_("Total"), cells(models.total)),
    )
