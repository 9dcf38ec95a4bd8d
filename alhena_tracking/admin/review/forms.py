"""The form of a decision that asks for a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from alhena_tracking.admin.review.decisions import REASON, Decision
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.contract.rules import InvalidValue, parse_text


class ReasonField(forms.CharField):
    """A text by the rules of the contract."""

    def to_python(self, value: Any) -> str:
        try:
            return parse_text("" if value is None else str(value))
        except InvalidValue as error:
            code = "required" if error.code == "blank" else error.code
            message = self.error_messages["required"] if code == "required" else error.message
            raise forms.ValidationError(message, code=code) from None


class ReasonForm(forms.Form):
    def __init__(self, decision: Decision, data: QueryDict | None = None) -> None:
        # A page may have the forms of several decisions.
        super().__init__(data, auto_id=f"id_{decision.name}_%s")
        self.fields["reason"] = ReasonField(
            label=REASON,
            help_text=decision.help_text,
            error_messages={"required": decision.missing},
            # The characters a browser counts are UTF-16's, of which a code point may take two.
            widget=forms.TextInput(attrs={"maxlength": 2 * TEXT_LENGTH, "autocomplete": "off"}),
        )
