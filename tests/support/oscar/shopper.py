"""A shopper in the Oscar shop, by Django's test client."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client, TestCase
from django.urls import reverse
from oscar.core.loading import get_model

from alhena_tracking.events import Visitor, record_interaction
from alhena_tracking.models import CartEvent
from tests.support.oscar import goods

Change = tuple[str, str, int, int | None, int]


class Shopper:
    """Has used the assistant, unless ``has_asked`` is false; ``company`` is the one whose cookie the browser has."""

    def __init__(self, company: str = "acme", *, has_asked: bool = True, **defaults: Any) -> None:
        self.client = Client(**defaults)
        self.visitor = Visitor(uuid.uuid4(), uuid.uuid4())
        self._cookie = f"alhena_{company}"
        if has_asked:
            record_interaction(self.visitor, type="CHAT", company=company)
            ids = f"{self.visitor.user_fingerprint}.{self.visitor.faq_fingerprint}"
            self.client.cookies[self._cookie] = f"1.{ids}.1700000000"

    def lose_the_cookie(self) -> None:
        del self.client.cookies[self._cookie]

    def post(self, name: str, data: dict[str, Any], **options: Any) -> Any:
        url = reverse(name, args=options.pop("args", ()))
        with TestCase.captureOnCommitCallbacks(execute=True):
            response = self.client.post(url, data, **options)
        assert response.status_code in (200, 302), response.status_code
        return response

    @property
    def basket(self) -> Any:
        """The open basket, as the shop's pages show it."""
        return self.client.get(reverse("basket:summary")).context["basket"]

    @property
    def request_basket(self) -> Any:
        """The open basket of a request, for what a project's own views do with it."""
        request: Any = self.client.get("/", follow=True).wsgi_request
        return request.basket

    def add(self, product: Any, quantity: int = 1) -> None:
        self.post("basket:add", {"quantity": quantity, "next": "/"}, args=[product.pk])

    def change_line(self, index: int = 0, **fields: Any) -> None:
        """Submit the basket's form, with other ``fields`` in one of its lines."""
        lines = list(self.basket.all_lines())
        data: dict[str, Any] = {"form-TOTAL_FORMS": len(lines), "form-INITIAL_FORMS": len(lines)}
        for number, line in enumerate(lines):
            data |= {f"form-{number}-id": line.pk, f"form-{number}-quantity": line.quantity}
        self.post("basket:summary", data | {f"form-{index}-{name}": value for name, value in fields.items()})

    def use_voucher(self, code: str) -> None:
        self.post("basket:vouchers-add", {"code": code})

    def log_in(self, user: Any) -> None:
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def check_out(self) -> Any:
        """Order the basket as a guest, and return the order."""
        goods.country()
        if "_auth_user_id" not in self.client.session:
            self.post("checkout:index", {"username": "ada@shop.example", "options": "anonymous"})
        address = {
            "first_name": "Ada",
            "last_name": "King",
            "line1": "Street 1",
            "line4": "Berlin",
            "postcode": "10115",
        }
        self.post("checkout:shipping-address", address)
        self.client.get(reverse("checkout:shipping-method"))
        self.client.get(reverse("checkout:payment-method"))
        response = self.post("checkout:preview", {"action": "place_order"}, follow=True)
        assert response.redirect_chain[-1][0] == reverse("checkout:thank-you"), response.redirect_chain
        return get_model("order", "Order").objects.order_by("pk").last()


def changes() -> list[Change]:
    """The recorded cart events in order: type, product, quantity, what was there before, worth in minor units."""
    events = CartEvent.objects.order_by("pk").values_list(
        "type", "product_id", "quantity", "previous_quantity", "gmv_minor"
    )
    return [
        (type_, product, int(quantity), None if before is None else int(before), worth)
        for type_, product, quantity, before, worth in events
    ]
