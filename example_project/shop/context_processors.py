from typing import Any

from django.http import HttpRequest

from example_project.shop.assistant import Conversation
from example_project.shop.cart import Cart
from example_project.shop.currencies import CURRENCIES
from example_project.shop.models import Product


def shop(request: HttpRequest) -> dict[str, Any]:
    """The data of the header and the assistant on every page."""
    return {
        "cart": Cart(request.session),
        "conversation": Conversation(request.session),
        "currencies": CURRENCIES.values(),
        "categories": Product.Category,
    }
