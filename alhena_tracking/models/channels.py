"""The channels, with every text and style that one has. Adding a channel takes a member and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

#: Columns that hold a channel have room for longer names than today's.
CHANNEL_LENGTH = 20


class Channel(models.TextChoices):
    """The kinds of interactions; the kind of the credited one is an event's channel."""

    CHAT = "CHAT", _("Chat")
    FAQ = "FAQ", _("Product FAQ")
    NUDGE = "NUDGE", _("Nudge")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDisplay:
    """How a channel is shown.

    ``title_on_product``, ``credit`` and ``credit_on_product`` are for interactions, without and with a ``{product}``;
    ``named`` and ``recommended`` say of a direct line where its product was.
    ``css_class`` names its colours (``revenue_impact.css`` has six), ``pattern`` is an SVG path over its bars, in a
    square of 5 units.
    """

    title_on_product: StrPromise
    credit: StrPromise
    credit_on_product: StrPromise
    named: StrPromise
    recommended: StrPromise
    css_class: str
    pattern: str = ""


CHANNEL_DISPLAYS: Mapping[str, ChannelDisplay] = {
    Channel.CHAT: ChannelDisplay(
        title_on_product=_("Chat on {product}"),
        credit=_("Credited to the chat ({moment}), {distance}."),
        credit_on_product=_("Credited to the chat on {product} ({moment}), {distance}."),
        named=_("Named in the chat ({moment})"),
        recommended=_("Recommended in the chat ({moment})"),
        css_class="alhena-shade-1",
    ),
    Channel.FAQ: ChannelDisplay(
        title_on_product=_("Product FAQ on {product}"),
        credit=_("Credited to the Product FAQ ({moment}), {distance}."),
        credit_on_product=_("Credited to the Product FAQ on {product} ({moment}), {distance}."),
        named=_("Named in the Product FAQ ({moment})"),
        recommended=_("Recommended in the Product FAQ ({moment})"),
        css_class="alhena-shade-2",
        pattern="M-1 1l2-2M0 5l5-5M4 6l2-2",
    ),
    Channel.NUDGE: ChannelDisplay(
        title_on_product=_("Nudge on {product}"),
        credit=_("Credited to the nudge ({moment}), {distance}."),
        credit_on_product=_("Credited to the nudge on {product} ({moment}), {distance}."),
        named=_("Named in the nudge ({moment})"),
        recommended=_("Recommended in the nudge ({moment})"),
        css_class="alhena-shade-3",
        pattern="M1 2.5h2",
    ),
}
