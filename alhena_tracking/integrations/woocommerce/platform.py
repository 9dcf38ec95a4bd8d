"""WooCommerce's webhooks, and the steps that connect a shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from alhena_tracking.integrations.platform import ConnectStep, Platform
from alhena_tracking.integrations.woocommerce.orders import map_deleted_order, map_order

_SNIPPETS = Path(__file__).parent / "snippets"
_PING = re.compile(rb"webhook_id=\d{1,20}")


def _snippet(name: str) -> str:
    return (_SNIPPETS / name).read_text(encoding="utf-8")


class WooCommerce(Platform):
    name = "woocommerce"
    title = "WooCommerce"
    topics = {
        "order.created": map_order,
        "order.updated": map_order,
        "order.restored": map_order,
        "order.deleted": map_deleted_order,
    }
    secret_hint = _("A long random text. You enter the same as the secret of each webhook.")
    has_api = True

    signature_header = "X-WC-Webhook-Signature"
    topic_header = "X-WC-Webhook-Topic"
    delivery_id_header = "X-WC-Webhook-Delivery-ID"
    shop_header = "X-WC-Webhook-Source"

    steps = (
        ConnectStep(
            title=_("Name the visitor of each order"),
            text=_(
                "Save this as a plug-in, or add it to the functions.php of your theme without its first two lines. At "
                "the checkout, it reads the tracker's cookie and writes the visitor to the order."
            ),
            code=_snippet("checkout.php"),
        ),
        ConnectStep(
            title=_("Or report the order from the thank-you page"),
            text=_(
                "Only if your checkout's server does not see the cookie, such as on another domain. The webhook then "
                "confirms the order that the page reports."
            ),
            code=_snippet("thank_you.php"),
            methods=("sendCheckoutEvent",),
        ),
        ConnectStep(
            title=_("Add a webhook for new orders"),
            text=_(
                "In WooCommerce > Settings > Advanced > Webhooks: status Active, topic Order created, this delivery "
                "URL, the secret, API version WP REST API Integration v3."
            ),
            code="$webhook_url",
            topics=("order.created",),
        ),
        ConnectStep(
            title=_("Add a webhook for changed orders"),
            text=_("The same with the topic Order updated. It brings payments, cancellations and refunds."),
            code="$webhook_url",
            topics=("order.updated",),
        ),
        ConnectStep(
            title=_("Add a webhook for restored orders"),
            text=_("The same with the topic Order restored, for orders that are taken out of the bin."),
            code="$webhook_url",
            topics=("order.restored",),
        ),
        ConnectStep(
            title=_("Let missed orders be fetched each night"),
            text=_(
                "WooCommerce sends nothing again, and disables a webhook after five failures. In WooCommerce > "
                "Settings > Advanced > REST API, add a key with the permission Read, and enter it above. "
                "alhena_maintenance then fetches what was changed since its last run, orders in the bin included."
            ),
        ),
    )

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether WooCommerce tries the URL of a webhook that was just saved."""
        return self.topic_header not in headers and _PING.fullmatch(body) is not None
