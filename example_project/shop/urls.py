from django.urls import path

from example_project.shop import views

app_name = "shop"

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("shop/<slug:category>/", views.catalogue, name="category"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("cart/", views.cart, name="cart"),
    path("cart/<slug:sku>/<slug:action>/", views.change_cart, name="change_cart"),
    path("currency/", views.change_currency, name="change_currency"),
    path("checkout/", views.checkout, name="checkout"),
    path("thank-you/<slug:number>/", views.thank_you, name="thank_you"),
    path("assistant/", views.assistant, name="assistant"),
]
