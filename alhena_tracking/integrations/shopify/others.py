"""What Shopify sends besides orders and refunds: privacy requests, edits without amounts, and the end of the link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alhena_tracking.integrations.mapping import Mapped, MappedPrivacyRequest, MappingOptions, ignored


def map_data_request(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``customers/data_request``: a customer asks what is stored."""
    request = MappedPrivacyRequest(kind="access", order_ids=_ids(payload["orders_requested"]))
    return Mapped(privacy_request=request)


def map_redaction(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``customers/redact``: a customer is to be forgotten."""
    return Mapped(privacy_request=MappedPrivacyRequest(kind="erase", order_ids=_ids(payload["orders_to_redact"])))


def map_shop_redaction(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``shop/redact``, sent 48 hours after an app was removed."""
    return Mapped(privacy_request=MappedPrivacyRequest(kind="erase_shop"))


def map_edit(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``orders/edited``, which has no amounts; the figures come with ``orders/updated``."""
    return ignored("no_amounts")


def map_removal(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``app/uninstalled``."""
    return ignored("disconnected")


def _ids(ids: Iterable[object] | None) -> tuple[str, ...]:
    return tuple(str(each) for each in ids or ())
