"""Shopify: webhooks made in the shop's admin, a theme snippet and a custom pixel (``docs/shopify.md``)."""
