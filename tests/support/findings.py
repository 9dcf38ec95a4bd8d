"""The diagnostics page, and all findings of its checks."""

from __future__ import annotations

from alhena_tracking.diagnosis.checks import CheckName

URL = "/admin/alhena_tracking/eventdiagnostics/"
FINDINGS = {
    CheckName.SNIPPET: ("rendered", "replaced", "cache_fails", "not_shared", "ceased", "never"),
    CheckName.INTERACTIONS: ("arriving", "ceased", "none_recorded", "none", "not_yet"),
    CheckName.CART_EVENTS: ("arriving", "ceased", "none_recorded", "none", "not_yet"),
    CheckName.ORDERS: ("arriving", "ceased", "waiting", "none_recorded", "none", "not_yet"),
    CheckName.COMPANY_KEY: ("not_counted", "nothing", "none", "few", "stopped"),
    CheckName.ORIGINS: ("nothing", "none", "few", "listed", "stopped"),
    CheckName.LIMITS: ("nothing", "none", "few", "stopped"),
    CheckName.VALIDITY: ("nothing", "none", "few", "stopped"),
    CheckName.SECRET_KEY: ("few", "missing", "wrong"),
    CheckName.PRIVACY: ("nothing", "none", "few", "privacy_signal", "bot"),
    CheckName.CREDIT: ("nothing", "none", "some", "not_used", "none_qualifies", "all"),
    CheckName.CONFIRMATION: ("nothing", "some", "none"),
    CheckName.CLOCKS: ("nothing", "none", "few", "too_old", "server_late"),
    CheckName.ORDER_IDS: ("nothing", "none", "over", "missing"),
    CheckName.LINE_VALUES: ("nothing", "no_lines", "single", "fitting", "unit", "total", "short"),
}
