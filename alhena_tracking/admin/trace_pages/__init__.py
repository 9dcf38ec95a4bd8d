"""The pages that say why an order or a cart event is credited, and that exclude orders from the figures."""
