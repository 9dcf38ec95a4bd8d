"""WooCommerce's webhooks, and the steps that connect a shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from django.utils.translation import gettext_lazy as _

from alhena_tracking.diagnosis.outcomes import INTERACTION, ORDER
from alhena_tracking.integrations.platform import ConnectStep, Platform, register
from alhena_tracking.integrations.woocommerce.orders import map_deleted_order, map_order
from alhena_tracking.snippet import snippet_code

#: The topic under which orders are counted that were fetched. No webhook has it.
PULL = "fetched"

_SNIPPETS = Path(__file__).parent / "snippets"
_PING = re.compile(rb"webhook_id=\d{1,20}")


def _code(name: str) -> str:
    """Return a file of this package, with the tracker's snippet in it."""
    return Template((_SNIPPETS / name).read_text(encoding="utf-8")).safe_substitute(snippet=snippet_code())


@register
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
            title=_("Allow the shop's pages"),
            text=_(
                "Add the origin of the shop's pages, such as https://shop.example, to the allowed origins of the "
                "company."
            ),
        ),
        ConnectStep(
            title=_("Add the tracker to the shop's pages"),
            text=_(
                "Save this as the plug-in wp-content/mu-plugins/alhena-tracker.php. Mark the questions and answers of "
                "your products with data-alhena-faq; the Alhena widget needs no mark. It is done once a visitor has "
                "used the assistant."
            ),
            code=_code("tracker.php"),
            methods=(INTERACTION,),
        ),
        ConnectStep(
            title=_("Name the visitor of each order"),
            text=_(
                "Save this as the plug-in wp-content/mu-plugins/alhena-checkout.php. At the checkout, it reads the "
                "tracker's cookie and writes the visitor to the order, where the webhook finds them."
            ),
            code=_code("checkout.php"),
        ),
        ConnectStep(
            title=_("Or report orders from the thank-you page"),
            text=_(
                "Instead of the plug-in before, if the checkout's server does not see the cookie. The webhook then "
                "confirms what the page reports."
            ),
            code=_code("thank_you.php"),
            methods=(ORDER,),
        ),
        ConnectStep(
            title=_("Add a webhook for new orders"),
            text=_(
                "In WooCommerce › Settings › Advanced › Webhooks: status Active, topic Order created, this delivery "
                "URL, the signing secret, API version WP REST API Integration v3."
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
            title=_("Let missed orders be fetched each night"),
            text=_(
                "WooCommerce repeats nothing, and disables a webhook after five failures. In WooCommerce › Settings › "
                "Advanced › REST API, add a key with the permission Read, and enter it here with the shop's domain. "
                "alhena_maintenance then fetches what was changed since its last run, orders in the bin included."
            ),
            topics=(PULL,),
        ),
    )

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether WooCommerce tries the URL of a webhook that was just saved."""
        return self.topic_header not in headers and _PING.fullmatch(body) is not None
