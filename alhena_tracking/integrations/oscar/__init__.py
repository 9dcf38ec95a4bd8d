"""The integration of django-oscar: an app that reports carts, orders, refunds and cancellations by Oscar's signals."""
