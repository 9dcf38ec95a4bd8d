from decimal import Decimal
from typing import Any

from django import forms

from example_project.shop.cart import MAX_QUANTITY
from example_project.shop.currencies import CURRENCIES
from example_project.shop.models import Product


class QuantityForm(forms.Form):
    """The quantity of a product: 0 or a multiple of its step."""

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"] = forms.DecimalField(
            min_value=Decimal(0),
            max_value=MAX_QUANTITY,
            max_digits=6,
            decimal_places=3,
            step_size=product.step,
            error_messages={
                "required": "Please enter a quantity.",
                "invalid": "Please enter the quantity as a number.",
                "max_value": f"The most you can order at once is {MAX_QUANTITY}.",
                "step_size": f"{product.name} is sold in steps of {product.step.normalize():f}.",
            },
        )


class CurrencyForm(forms.Form):
    currency = forms.ChoiceField(choices=[(code, each.name) for code, each in CURRENCIES.items()])


class QuestionForm(forms.Form):
    question = forms.CharField(max_length=500)


class CheckoutForm(forms.Form):
    """The customer's name and e-mail address. The shop is in English only; the admin is translated."""

    name = forms.CharField(
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Please enter your name.", "max_length": "This name is too long for our labels."},
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text="Only used for the confirmation.",
        error_messages={
            "required": "Please enter your e-mail address.",
            "invalid": "Please enter a valid e-mail address.",
        },
    )
