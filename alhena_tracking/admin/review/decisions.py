"""What staff can decide on an order or a visitor session, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from alhena_tracking.ingestion import review
from alhena_tracking.ingestion.review import Log, User

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_Text: TypeAlias = "str | _StrPromise"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A decision: ``name`` is that of its page and action, ``right`` the first part of its permission.

    ``decide`` takes ids, the user, a reason, and what logs the changed rows; it returns how many rows changed. Only
    decisions that ask for a reason have the texts of ``missing`` and ``help_text``. ``question`` names the ``row``, and
    ``many`` and ``done_many`` are asked for a number of rows.
    """

    name: str
    right: str
    decide: Callable[[Iterable[int], User, str, Log], int]
    is_due: Callable[[Any], bool]
    action: _Text
    title: _Text
    offer: _Text = ""
    button: _Text
    question: _Text
    many: Callable[[int], str]
    settled: _Text
    done: _Text
    undone: _Text
    done_many: Callable[[int], str]
    history: _Text
    missing: _Text = ""
    help_text: _Text = ""

    @property
    def asks_reason(self) -> bool:
        return bool(self.missing)


_EXCLUDED = _("Excluded from all figures. Reason: %(reason)s")
_INCLUDED = _("Included in the figures again.")
_NO_REASON = _("Enter a reason for the exclusion.")
_EXCLUDE = _("Exclude from all figures")
_INCLUDE = _("Include in figures again")

ORDER_DECISIONS = (
    Decision(
        name="accept",
        right="accept",
        decide=lambda pks, user, reason, log: review.accept_orders(pks, user, reason, log=log),
        is_due=lambda order: order.is_held_back,
        action=_("Accept orders that are held back"),
        title=_("Accept order"),
        offer=_("Accept this order…"),
        button=_("Accept and include in figures"),
        question=_("%(row)s is held back. Once you accept it, it counts at its value in the figures of its day."),
        many=lambda count: ngettext(
            "%(count)s order is selected. If it is held back, it will count at its value in the figures of its day.",
            "%(count)s orders are selected. Those that are held back will count at their values in the figures of "
            "their days.",
            count,
        ),
        settled=_("This order is not held back."),
        done=_("The order is accepted and included in the figures."),
        undone=_("The order was not held back."),
        done_many=lambda count: ngettext(
            "%(count)s order that was held back is accepted.",
            "%(count)s orders that were held back are accepted.",
            count,
        ),
        history=_("Accepted and included in the figures. Reason: %(reason)s"),
        missing=_("Enter a reason for accepting it."),
        help_text=_("For example, “invoice seen”. Kept with the order and in its history."),
    ),
    Decision(
        name="exclude",
        right="exclude",
        decide=lambda pks, user, reason, log: review.exclude_orders(pks, user, reason, log=log),
        is_due=lambda order: order.excluded_at is None,
        action=_("Exclude orders from all figures"),
        title=_("Exclude order"),
        offer=_("Exclude this order…"),
        button=_EXCLUDE,
        question=_(
            "%(row)s will be excluded from all figures. It keeps its page here, and you can include it again at any "
            "time. Products added to the cart before it still count in the add-to-cart GMV."
        ),
        many=lambda count: ngettext(
            "%(count)s order will be excluded from all figures. You can include it again at any time. Products added "
            "to the cart before it still count in the add-to-cart GMV.",
            "%(count)s orders will be excluded from all figures. You can include them again at any time. Products "
            "added to the carts before them still count in the add-to-cart GMV.",
            count,
        ),
        settled=_("This order is already excluded."),
        done=_("The order is excluded from all figures."),
        undone=_("The order was already excluded."),
        done_many=lambda count: ngettext(
            "%(count)s order is now excluded from all figures.",
            "%(count)s orders are now excluded from all figures.",
            count,
        ),
        history=_EXCLUDED,
        missing=_NO_REASON,
        help_text=_("For example, “test order”. Kept with the order and in its history."),
    ),
    Decision(
        name="include",
        right="exclude",
        decide=lambda pks, user, reason, log: review.include_orders(pks, log=log),
        is_due=lambda order: order.excluded_at is not None,
        action=_("Include excluded orders again"),
        title=_("Include order again"),
        button=_INCLUDE,
        question=_("%(row)s will be included in the figures of its day again."),
        many=lambda count: ngettext(
            "%(count)s order is selected. If it is excluded, it will be included in the figures of its day again.",
            "%(count)s orders are selected. Those that are excluded will be included in the figures of their days "
            "again.",
            count,
        ),
        settled=_("This order is not excluded."),
        done=_("The order is included in the figures again."),
        undone=_("The order was not excluded."),
        done_many=lambda count: ngettext(
            "%(count)s order is no longer excluded.", "%(count)s orders are no longer excluded.", count
        ),
        history=_INCLUDED,
    ),
)

SESSION_DECISIONS = (
    Decision(
        name="exclude",
        right="exclude",
        decide=lambda pks, user, reason, log: review.exclude_sessions(pks, user, reason, log=log),
        is_due=lambda session: session.excluded_at is None,
        action=_("Exclude visitor sessions from all figures"),
        title=_("Exclude visitor session"),
        offer=_("Exclude this visitor session…"),
        button=_EXCLUDE,
        question=_(
            "Visitor session %(row)s will be excluded from all figures, with its cart events and orders and all that "
            "follow. You can include it again at any time."
        ),
        many=lambda count: ngettext(
            "%(count)s visitor session will be excluded from all figures, with its cart events and orders and all "
            "that follow. You can include it again at any time.",
            "%(count)s visitor sessions will be excluded from all figures, with their cart events and orders and all "
            "that follow. You can include them again at any time.",
            count,
        ),
        settled=_("This visitor session is already excluded."),
        done=_("The visitor session is excluded from all figures."),
        undone=_("The visitor session was already excluded."),
        done_many=lambda count: ngettext(
            "%(count)s visitor session is now excluded from all figures.",
            "%(count)s visitor sessions are now excluded from all figures.",
            count,
        ),
        history=_EXCLUDED,
        missing=_NO_REASON,
        help_text=_("For example, “our own people”. Kept with the visitor session and in its history."),
    ),
    Decision(
        name="include",
        right="exclude",
        decide=lambda pks, user, reason, log: review.include_sessions(pks, log=log),
        is_due=lambda session: session.excluded_at is not None,
        action=_("Include excluded visitor sessions again"),
        title=_("Include visitor session again"),
        button=_INCLUDE,
        question=_(
            "Visitor session %(row)s will be included in the figures again. Orders that are excluded by themselves "
            "stay so."
        ),
        many=lambda count: ngettext(
            "%(count)s visitor session is selected. If it is excluded, it will be included in the figures again. "
            "Orders that are excluded by themselves stay so.",
            "%(count)s visitor sessions are selected. Those that are excluded will be included in the figures again. "
            "Orders that are excluded by themselves stay so.",
            count,
        ),
        settled=_("This visitor session is not excluded."),
        done=_("The visitor session is included in the figures again."),
        undone=_("The visitor session was not excluded."),
        done_many=lambda count: ngettext(
            "%(count)s visitor session is no longer excluded.",
            "%(count)s visitor sessions are no longer excluded.",
            count,
        ),
        history=_INCLUDED,
    ),
)

#: The link from a decision's page to the row, and from one on many rows to their list.
BACK = {
    "order": (_("Back to the order"), _("Back to the orders")),
    "visitorsession": (_("Back to the visitor session"), _("Back to the visitor sessions")),
}
REASON = _("Reason")
