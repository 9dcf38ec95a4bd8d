from decimal import Decimal
from typing import Any

from django import forms

from example_project.shop.cart import MAX_QUANTITY
from example_project.shop.currencies import CURRENCIES
from example_project.shop.models import Product


class QuantityForm(forms.Form):
    """A quantity of one product: none, or so many steps of it."""

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"] = forms.DecimalField(
            min_value=Decimal(0),
            max_value=MAX_QUANTITY,
            max_digits=6,
            decimal_places=3,
            step_size=product.step,
            error_messages={
                "required": "Please say how much.",
                "invalid": "Please write the quantity as a number.",
                "max_value": f"We sell at most {MAX_QUANTITY} at once.",
                "step_size": f"{product.name} is sold in steps of {product.step.normalize():f}.",
            },
        )


class CurrencyForm(forms.Form):
    currency = forms.ChoiceField(choices=[(code, each.name) for code, each in CURRENCIES.items()])


class QuestionForm(forms.Form):
    question = forms.CharField(max_length=500)


class CheckoutForm(forms.Form):
    """Where the order goes. The shop speaks English, whatever language the admin is read in."""

    name = forms.CharField(
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Please tell us your name.", "max_length": "That is too long for our labels."},
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text="For the confirmation, nothing else.",
        error_messages={
            "required": "Please tell us where to send the confirmation.",
            "invalid": "This does not look like an e-mail address.",
        },
    )
