"""The report in the navigation of Oscar's dashboard."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _


def may_view_report(user: Any, url_name: str, url_args: Any = None, url_kwargs: Any = None) -> bool:
    """Return whether a user may open the report, and the project's URLs have it. Oscar asks for each node."""
    try:
        reverse(url_name, args=url_args, kwargs=url_kwargs)
    except NoReverseMatch:
        return False
    return bool(user.is_active and user.is_staff and user.has_perm("alhena_tracking.view_revenueimpact"))


#: A node of ``OSCAR_DASHBOARD_NAVIGATION``.
REVENUE_IMPACT: dict[str, Any] = {
    "label": _("Revenue impact"),
    "icon": "fas fa-comments",
    "url_name": "admin:alhena_tracking_revenueimpact_changelist",
    "access_fn": may_view_report,
}
