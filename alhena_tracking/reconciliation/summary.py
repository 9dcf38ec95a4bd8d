"""A comparison in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.reconciliation.comparison import MOST_COUNTED, Reconciliation, Verdict

_IN_FILE = ngettext_lazy("%(count)s order in the file.", "%(count)s orders in the file.", "exact_count")
_COUNTS = {
    Verdict.AGREES: ngettext_lazy("%(count)s agrees.", "%(count)s agree.", "exact_count"),
    Verdict.DIFFERS: ngettext_lazy("%(count)s differs.", "%(count)s differ.", "exact_count"),
    Verdict.HELD: ngettext_lazy("%(count)s is held back.", "%(count)s are held back.", "exact_count"),
    Verdict.UNCLAIMED: ngettext_lazy(
        "%(count)s was confirmed by the shop's server but never claimed by a browser.",
        "%(count)s were confirmed by the shop's server but never claimed by a browser.",
        "exact_count",
    ),
    Verdict.MISSED: ngettext_lazy(
        "%(count)s was not reported although its visitor had used the assistant.",
        "%(count)s were not reported although their visitors had used the assistant.",
        "exact_count",
    ),
    Verdict.NO_RECORD: ngettext_lazy(
        "%(count)s is of a visitor we have no record of.",
        "%(count)s are of visitors we have no record of.",
        "exact_count",
    ),
    Verdict.UNREAD: ngettext_lazy(
        "%(count)s line could not be read.", "%(count)s lines could not be read.", "exact_count"
    ),
    Verdict.LACKING: ngettext_lazy(
        "We count %(count)s order of these days that the file does not have.",
        "We count %(count)s orders of these days that the file does not have.",
        "exact_count",
    ),
}
_REPEATED = ngettext_lazy(
    "%(count)s further line of an order was left out.",
    "%(count)s further lines of orders were left out.",
    "exact_count",
)
_WITHOUT_ID = ngettext_lazy(
    "%(count)s order that we count has no ID, so it cannot be compared.",
    "%(count)s orders that we count have no ID, so they cannot be compared.",
    "exact_count",
)


def sentences(found: Reconciliation) -> Iterator[str]:
    """Yield what was found, in the active language: how many orders the file has, then what became of them."""

    def counted(text: object, number: int) -> str:
        shown = number_format(number, use_l10n=True, force_grouping=True)
        return str(text % {"count": shown, "exact_count": number})  # type: ignore[operator]

    yield counted(_IN_FILE, found.in_file)
    counts = found.counts
    for verdict, text in _COUNTS.items():
        if counts[verdict]:
            yield counted(text, counts[verdict])
    if found.without_id:
        yield counted(_WITHOUT_ID, found.without_id)
    if found.repeated:
        yield counted(_REPEATED, found.repeated)
    if found.is_cut:
        yield counted(_("Of the orders that we count on these days, only %(count)s were looked for."), MOST_COUNTED)
    if found.days is None:
        yield _("The file has no date that can be read, so what we count and it lacks is not known.")
