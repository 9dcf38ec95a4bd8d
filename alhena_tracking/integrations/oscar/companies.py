"""Which company a site of the project is."""

from __future__ import annotations

from typing import Any

from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest

from alhena_tracking.conf import conf


def company_of_site(site: Any) -> str | None:
    """Return the company key of a ``Site`` by ``OSCAR_COMPANIES``: by its id, else its domain.

    ``None``, which is the company of the settings, for any other site and for none.
    """
    if site is None:
        return None
    by_id = conf.oscar_companies.get(site.pk)
    return by_id if by_id is not None else conf.oscar_companies.get(site.domain)


def company_of_request(request: HttpRequest | None) -> str | None:
    """Return the company key of the site that a request is made to."""
    return company_of_site(get_current_site(request)) if conf.oscar_companies else None
