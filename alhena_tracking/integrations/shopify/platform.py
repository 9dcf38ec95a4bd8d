"""Shopify's headers and topics, and the steps that connect a shop."""

from __future__ import annotations

from pathlib import Path
from string import Template

from django.utils.translation import gettext_lazy as _

from alhena_tracking.diagnosis.outcomes import CART_EVENT, INTERACTION, ORDER
from alhena_tracking.integrations.platform import ConnectStep, Platform, register
from alhena_tracking.integrations.shopify.orders import map_order
from alhena_tracking.integrations.shopify.others import (
    map_data_request,
    map_edit,
    map_redaction,
    map_removal,
    map_shop_redaction,
)
from alhena_tracking.integrations.shopify.refunds import map_refund
from alhena_tracking.snippet import snippet_code

_FOLDER = Path(__file__).parent


def _code(name: str) -> str:
    """Return a file of this package, with the snippet in it."""
    text = (_FOLDER / name).read_text(encoding="utf-8").strip()
    return Template(text).safe_substitute(snippet=snippet_code())


@register
class Shopify(Platform):
    name = "shopify"
    title = "Shopify"
    signature_header = "X-Shopify-Hmac-Sha256"
    topic_header = "X-Shopify-Topic"
    delivery_id_header = "X-Shopify-Webhook-Id"
    shop_header = "X-Shopify-Shop-Domain"
    triggered_at_header = "X-Shopify-Triggered-At"
    secret_hint = _("In Shopify's admin, Settings › Notifications › Webhooks shows it below the list of webhooks.")
    topics = {
        "orders/create": map_order,
        "orders/paid": map_order,
        "orders/updated": map_order,
        "orders/cancelled": map_order,
        "orders/edited": map_edit,
        "refunds/create": map_refund,
        "customers/data_request": map_data_request,
        "customers/redact": map_redaction,
        "shop/redact": map_shop_redaction,
        "app/uninstalled": map_removal,
    }
    steps = (
        ConnectStep(
            title=_("Allow the shop's pages"),
            text=_(
                "Add the origin of the shop's pages, such as https://shop.example, to the allowed origins of the "
                "company. If you will use the custom pixel, also add the line null: its sandbox has no other origin."
            ),
        ),
        ConnectStep(
            title=_("Create the webhooks"),
            text=_(
                "In Shopify's admin, open Settings › Notifications › Webhooks. For each of these events, create a "
                "webhook in the format JSON with this URL: order creation, order payment, order update, order "
                "cancellation, refund creation. Below the list, Shopify shows the secret that signs them: save it on "
                "this page. Then send a test notification."
            ),
            code="$webhook_url",
            topics=("orders/create", "orders/paid", "orders/updated", "orders/cancelled", "refunds/create"),
        ),
        ConnectStep(
            title=_("Add the tracker to the theme"),
            text=_(
                "In Online Store › Themes › Edit code, put this into layout/theme.liquid, before the end of the head. "
                "It is done once the cart of a visitor who used the assistant has changed."
            ),
            code=_code("theme.liquid"),
            methods=(CART_EVENT,),
        ),
        ConnectStep(
            title=_("Mark the product's questions and answers"),
            text=_(
                "In the section of the theme that shows a product's FAQ, put the attribute on the element around it. "
                "The Alhena widget needs no mark."
            ),
            code=_code("faq.liquid"),
            methods=(INTERACTION,),
        ),
        ConnectStep(
            title=_("Add the custom pixel, if the shop has “Buy it now” buttons"),
            text=_(
                "Such orders skip the cart, so that only a pixel sees who buys. In Shopify's admin, open "
                "Settings › Customer events, add a custom pixel with this code, save it and connect it."
            ),
            code=_code("pixel.js"),
            methods=(ORDER,),
        ),
    )
