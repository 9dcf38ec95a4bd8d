"""The channels, with every text and style that one has. Adding a channel takes a row in each table here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

#: Columns that hold a channel have room for longer names than today's.
CHANNEL_LENGTH = 20


class Channel(models.TextChoices):
    """The kinds of interactions; the kind of the credited one is an event's channel."""

    CHAT = "CHAT", _("Chat")
    FAQ = "FAQ", _("Product FAQ")
    NUDGE = "NUDGE", _("Nudge")


@dataclass(frozen=True, slots=True)
class ChannelStyle:
    """The CSS class of a channel's colours, and the SVG path that patterns its bars, in a square of 5 units."""

    css_class: str
    pattern: str = ""


CHANNEL_STYLES: Mapping[str, ChannelStyle] = {
    Channel.CHAT: ChannelStyle("alhena-shade-1"),
    Channel.FAQ: ChannelStyle("alhena-shade-2", "M-1 1l2-2M0 5l5-5M4 6l2-2"),
    Channel.NUDGE: ChannelStyle("alhena-shade-3", "M1 2.5h2"),
}
