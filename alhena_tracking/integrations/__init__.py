"""Integrations of shop systems. ``platform.Platform`` is the base class of those that send webhooks."""
