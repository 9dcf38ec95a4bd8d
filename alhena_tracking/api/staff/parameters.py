"""Strict parameters: what is wrong with one is an error, never a wider answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from alhena_tracking.api.errors import Error, InvalidRequest


def check_parameters(parameters: QueryDict, known: Collection[str], form: Any, further: Iterable[Error] = ()) -> None:
    """Raise ``InvalidRequest`` if parameters are unknown, repeated or invalid by ``form``, or for ``further``."""
    errors = [*_check_names(parameters, known), *_errors_of(form), *further]
    if errors:
        raise InvalidRequest(errors)


def _check_names(parameters: QueryDict, known: Collection[str]) -> Iterable[Error]:
    for name, values in parameters.lists():
        if name not in known:
            yield Error(name, "unknown_parameter", _("There is no such parameter."))
        elif len(values) > 1:
            yield Error(name, "repeated", _("This parameter may be given once."))


def _errors_of(form: Any) -> Iterable[Error]:
    for name, errors in form.errors.as_data().items():
        for error in errors:
            for message in error.messages:
                yield Error("" if name == "__all__" else name, error.code or "invalid", str(message))
