"""The parts that trace pages are made of, and the phrases that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote

from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from alhena_tracking.models import CHANNEL_DISPLAYS, Company, Interaction, Order, PendingConfirmation

#: The page of a row, or nothing where the reader may not open it.
UrlOf: TypeAlias = Callable[[type[Model], int], str]

_EXCERPT_LENGTH = 100


def page_in_shop(template: str | None, company: Company, **ids: str) -> str:
    """Return the URL of ``ORDER_URL`` or ``CONVERSATION_URL``; empty without the setting or the id."""
    if template is None or not all(ids.values()):
        return ""
    return template.format(company_key=company.key, **{name: quote(text, safe="") for name, text in ids.items()})


@dataclass(frozen=True, slots=True)
class Badge:
    """A label of weight; ``tone`` is ``good``, ``doubtful``, ``bad`` or ``plain``."""

    label: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    url: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One aspect of a trace: sentences, then facts to look up."""

    key: str
    heading: str
    sentences: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    moment: str
    url: str
    channel: str
    session: str
    session_url: str
    trust: str
    amount: str
    badges: list[Badge]


@dataclass(frozen=True, slots=True)
class ClaimTable:
    rows: list[ClaimRow]
    omitted: str


@dataclass(frozen=True, slots=True)
class LineRow:
    product_id: str
    product_name: str
    quantity: str
    total: str
    #: Whether it is direct, and why; empty for lines that only a claim has.
    credit: str = ""


@dataclass(frozen=True, slots=True)
class LineTable:
    rows: list[LineRow]
    omitted: str
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step of the timeline. ``kind`` chooses its marker."""

    kind: str
    time: str
    iso_time: str
    title: str
    url: str
    note: str
    amount: str
    badges: list[Badge]
    is_credited: bool
    is_subject: bool
    #: The page of the conversation.
    conversation_url: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class TimelineText:
    """``omitted_before`` and ``omitted_after`` say how much is left out, and are empty where nothing is."""

    days: list[Day]
    zone: str
    omitted_before: str
    omitted_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceText:
    """A trace page: its subject, the reason for the credit in ``lead``, and what supports it."""

    title: str
    amount: str
    moment: str
    zone: str
    company: str
    badges: list[Badge]
    lead: str
    panels: list[Panel]
    #: The order's page in the shop's own administration.
    shop_url: str = ""
    claims: ClaimTable | None = None
    lines: LineTable | None = None
    timeline: TimelineText | None = None


def isolated(text: str) -> SafeString:
    """Mark text from elsewhere, so that its direction does not change how the rest of a sentence reads."""
    return format_html("<bdi>{}</bdi>", text)


def excerpt(product_name: str) -> SafeString:
    """Shorten a product's name; some shops put a description there."""
    return isolated(Truncator(product_name).chars(_EXCERPT_LENGTH))


def order_title(order: Order | PendingConfirmation) -> str:
    if not order.order_id:
        return _("Order without an ID (#%(number)s)") % {"number": order.pk}
    return format_html(_("Order {order}"), order=isolated(order.order_id))


def interaction_title(interaction: Interaction) -> str:
    if not interaction.product_id:
        return interaction.get_kind_display()
    title = str(CHANNEL_DISPLAYS[interaction.kind].title_on_product)
    return format_html(title, product=isolated(interaction.product_id))
