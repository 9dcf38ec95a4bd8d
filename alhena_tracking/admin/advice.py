"""What is checked, by name, and what each finding means and asks for."""

from __future__ import annotations

from django.utils.translation import gettext as _

from alhena_tracking.admin import obstacle_advice, road_advice
from alhena_tracking.admin.road_advice import Advice
from alhena_tracking.diagnosis.checks import Check, CheckName


def title_of(name: CheckName) -> str:
    return {
        CheckName.SNIPPET: _("The snippet is rendered"),
        CheckName.INTERACTIONS: _("Interactions arrive"),
        CheckName.CART_EVENTS: _("Cart events arrive"),
        CheckName.ORDERS: _("Orders arrive"),
        CheckName.COMPANY_KEY: _("The company key is known"),
        CheckName.ORIGINS: _("No origin is refused"),
        CheckName.LIMITS: _("The limits suffice"),
        CheckName.VALIDITY: _("Events are valid"),
        CheckName.SECRET_KEY: _("The secret key is right"),
        CheckName.PRIVACY: _("Visitors may be recorded"),
        CheckName.CREDIT: _("Carts and orders belong to visitors who used the assistant"),
        CheckName.CONFIRMATION: _("The shop's server confirms orders"),
        CheckName.CLOCKS: _("Clocks are right"),
        CheckName.ORDER_IDS: _("Orders have ids"),
        CheckName.LINE_VALUES: _("Line values add up"),
    }[name]


def advice_on(check: Check) -> Advice:
    return _ADVISERS[check.name](check)


_ADVISERS = {
    CheckName.SNIPPET: road_advice.on_snippet,
    CheckName.INTERACTIONS: road_advice.on_interactions,
    CheckName.CART_EVENTS: road_advice.on_cart_events,
    CheckName.ORDERS: road_advice.on_orders,
    CheckName.COMPANY_KEY: obstacle_advice.on_company_key,
    CheckName.ORIGINS: obstacle_advice.on_origins,
    CheckName.LIMITS: obstacle_advice.on_limits,
    CheckName.VALIDITY: obstacle_advice.on_validity,
    CheckName.SECRET_KEY: obstacle_advice.on_secret_key,
    CheckName.PRIVACY: obstacle_advice.on_privacy,
    CheckName.CREDIT: obstacle_advice.on_credit,
    CheckName.CONFIRMATION: obstacle_advice.on_confirmation,
    CheckName.CLOCKS: obstacle_advice.on_clocks,
    CheckName.ORDER_IDS: obstacle_advice.on_order_ids,
    CheckName.LINE_VALUES: obstacle_advice.on_line_values,
}
