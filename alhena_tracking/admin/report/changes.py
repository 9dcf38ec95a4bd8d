"""The changes of the report's figures, and what they compare with, as texts."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.reports import Card, Comparison, Figures, RevenueImpactReport, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeText:
    """The change from the compared period: ``number`` and ``words`` are shown, ``sentence`` is for screen readers.

    ``direction`` is ``up``, ``down`` or ``same``. Where there is no change, it is empty, and ``reason`` is a sentence
    that says why, or ``words`` say since when there are data. ``until`` is added where a day was cut.
    """

    direction: str = ""
    number: str = ""
    words: str = ""
    sentence: str = ""
    until: str = ""
    reason: str = ""


def value_text(unit: Unit, value: formats.Number | None, currency: str) -> str:
    if value is None:
        return _("n/a")
    match unit:
        case Unit.MONEY:
            return formats.amount(value, currency)
        case Unit.COUNT:
            return formats.count(int(value))
        case Unit.SHARE:
            return formats.share(value)
        case Unit.RATIO:
            return formats.ratio(value)


def change_text(card: Card, report: RevenueImpactReport) -> ChangeText | None:
    """Return the change of a card; ``None`` where nothing is compared, or there is nothing to compare."""
    if report.recorded_since:
        words = _("data since %(day)s") % {"day": formats.day(report.recorded_since)}
        return ChangeText(words=words, sentence=words)
    if report.previous is None or card.value is None:
        return None
    previous = value_text(card.type.unit, card.previous, report.currency)
    change = card.change
    if change is None or card.previous is None:
        return ChangeText(number=_("n/a"), reason=_reason(card, report, previous), until=_until(report))
    write = formats.points if card.type.unit is Unit.SHARE else formats.share
    named = {"change": write(abs(change)), "previous": previous}
    if card.value == card.previous:
        direction = "same"
        words = sentence = _("no change")
    elif card.value > card.previous:
        direction = "up"
        words, sentence = _("up from %(previous)s"), _("up %(change)s from %(previous)s")
    else:
        direction = "down"
        words, sentence = _("down from %(previous)s"), _("down %(change)s from %(previous)s")
    return ChangeText(
        direction=direction,
        number=write(change, is_signed=True),
        words=words % named,
        sentence=sentence % named,
        until=_until(report),
    )


def no_value_text(card: Card, report: RevenueImpactReport) -> str:
    """Explain a card without a value."""
    if _is_mixed(card, report.current):
        return _("More than one order in twenty is in another currency, and sessions have none.")
    return _("In this period there is nothing to divide by.")


def _is_mixed(card: Card, figures: Figures | None) -> bool:
    return card.type.name == "revenue_per_session_minor" and figures is not None and figures.is_mixed


def _reason(card: Card, report: RevenueImpactReport, previous: str) -> str:
    if _is_mixed(card, report.previous):
        return _("In the compared period, more than one order in twenty was in another currency.")
    if card.previous is None:
        return _("In the compared period there was nothing to divide by.")
    return _("It was %(previous)s in the compared period, and nothing is a percentage of zero.") % {
        "previous": previous
    }


def _until(report: RevenueImpactReport) -> str:
    query = report.query
    return _("until %(time)s") % {"time": formats.time(query.until, query.company.zone)} if query.until else ""


def compared_text(comparison: Comparison, report: RevenueImpactReport) -> str:
    """Return the sentence that says what changes compare with, as HTML; empty where nothing was asked for."""
    query, compared = report.query, report.query.compared
    if compared is None:
        return ""
    values = {"days": formats.days(compared)}
    if report.recorded_since:
        text = _("Nothing is compared with %(days)s: the first data are of %(first)s.")
        values["first"] = formats.day(report.recorded_since)
    elif query.until:
        text = _("Changes compare today so far with %(days)s until %(time)s, the same hours.")
        values["time"] = formats.time(query.until, query.company.zone)
    elif comparison is Comparison.YEAR_AGO:
        text = _("Changes compare with the same period a year ago, %(days)s.")
    elif comparison is Comparison.CHOSEN:
        text = _("Changes compare with the chosen period, %(days)s.")
    else:
        text = _("Changes compare with the previous period, %(days)s.")
    # Days keep their direction where the sentence is not translated into a language written from right to left.
    places = text % {name: f"<bdi>{{{name}}}</bdi>" for name in values}
    return format_html(places, **values)
