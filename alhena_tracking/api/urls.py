from __future__ import annotations

from django.urls import path

from alhena_tracking.api.ingestion import views
from alhena_tracking.api.staff import views as staff

app_name = "alhena_tracking"

urlpatterns = [
    path("analytics/interactions", views.InteractionView.as_view(), name="interactions"),
    path("analytics/cart_events", views.CartEventView.as_view(), name="cart_events"),
    path("analytics/checkout_events", views.CheckoutEventView.as_view(), name="checkout_events"),
    path("analytics/batch", views.BatchView.as_view(), name="batch"),
    path("analytics/events", views.BatchView.as_view(), name="events"),  # its former name
    path("analytics/refunds", views.RefundView.as_view(), name="refunds"),
    path("api/revenue-impact", staff.RevenueImpactView.as_view(), name="staff_revenue_impact"),
    path("api/orders", staff.OrdersView.as_view(), name="staff_orders"),
    path("api/cart-events", staff.CartEventsView.as_view(), name="staff_cart_events"),
    path("api/sessions", staff.SessionsView.as_view(), name="staff_sessions"),
]
