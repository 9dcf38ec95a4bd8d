"""The endpoints of staff's JSON. They state their whole policy, so that ``REST_FRAMEWORK`` cannot change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.apps import apps
from django.db.models import Exists, OuterRef, Prefetch
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alhena_tracking.api.errors import error_response
from alhena_tracking.api.staff import filters, pages, serializers
from alhena_tracking.api.staff.parameters import check_parameters
from alhena_tracking.api.staff.report_form import StaffReportForm
from alhena_tracking.api.staff.report_serializers import ReportSerializer
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.models import CartEvent, Company, Order, Refund, VisitorSession
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import revenue_impact
from alhena_tracking.reports.forms import report_companies

TOKENS = "rest_framework.authtoken"


class StaffPermission(BasePermission):
    """Staff with the permission that the view names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user  # the project may have chosen None for nobody
        return bool(user and user.is_active and user.is_staff and user.has_perm(view.permission))


class StaffView(APIView):
    """Answers staff who are logged in or have a token: figures and rows of companies that they may see."""

    # Tokens first: a 401 asks for the first of them.
    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (StaffPermission,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    metadata_class = None
    http_method_names = ["get", "head", "options"]

    permission: ClassVar[str] = ""
    parameters: ClassVar[tuple[str, ...]] = ()
    serializer: ClassVar[serializers.StaffSerializer]

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Leave tokens out where the project has not installed them."""
        has_tokens = apps.is_installed(TOKENS)
        return [one for one in super().get_authenticators() if has_tokens or not isinstance(one, TokenAuthentication)]

    def get_authenticate_header(self, request: Request) -> str:
        """Return the ``WWW-Authenticate`` of a 401; without one, REST framework answers 403."""
        return "Token" if apps.is_installed(TOKENS) else "Session"

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Answer in JSON whatever the caller accepts."""
        return JSONRenderer(), JSONRenderer.media_type

    def get_exception_handler(self) -> Callable[[Exception, Any], HttpResponse | None]:
        return lambda error, _context: error_response(error, _("The database cannot answer now. Please ask again."))

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def get(self, request: Request) -> HttpResponse:
        return JsonResponse(self.answer(request, report_companies(request.user)))

    def answer(self, request: Request, companies: list[Company]) -> dict[str, Any]:
        raise NotImplementedError

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response


class RevenueImpactView(StaffView):
    """The report, with the parameters of its page."""

    permission = "alhena_tracking.view_revenueimpact"
    parameters = tuple(StaffReportForm.base_fields)
    serializer = ReportSerializer()

    def answer(self, request: Request, companies: list[Company]) -> dict[str, Any]:
        if not companies:
            raise Http404
        form = StaffReportForm(request.query_params, companies=companies)
        check_parameters(request.query_params, self.parameters, form)
        with snapshot():
            report = revenue_impact(
                form.report_query(), most_products=form.most_products, first_products=form.first_products
            )
        return self.serializer.to_representation(report)


class RowsView(StaffView):
    """Rows of the companies that may be seen, the latest first, page by page."""

    filter_set: ClassVar[type[filters.RowFilters]]

    def rows(self) -> DatedQuerySet[Any]:
        """Return all rows, with what their serializer takes."""
        raise NotImplementedError

    def answer(self, request: Request, companies: list[Company]) -> dict[str, Any]:
        rows = self.rows().filter(company__in=[company.pk for company in companies])
        chosen = self.filter_set(request.query_params, queryset=rows, companies=companies)
        chosen.check()
        query = pages.PageQuery.parse(request.query_params)
        check_parameters(request.query_params, self.parameters, chosen.form, query.errors)
        page, next_url = query.page_of(chosen.qs, companies, request)
        return {"next": next_url, "results": [self.serializer.to_representation(row) for row in page]}


class OrdersView(RowsView):
    permission = "alhena_tracking.view_order"
    filter_set = filters.OrderFilters
    parameters = (*filters.OrderFilters.base_filters, *pages.PARAMETERS)
    serializer = serializers.OrderSerializer()

    def rows(self) -> DatedQuerySet[Any]:
        refunds = Refund.objects.order_by("occurred_at", "pk")
        orders = Order.objects.select_related("company", "credited_interaction")
        return orders.prefetch_related("lines", Prefetch("refunds", refunds))


class CartEventsView(RowsView):
    permission = "alhena_tracking.view_cartevent"
    filter_set = filters.CartEventFilters
    parameters = (*filters.CartEventFilters.base_filters, *pages.PARAMETERS)
    serializer = serializers.CartEventSerializer()

    def rows(self) -> DatedQuerySet[Any]:
        return CartEvent.objects.select_related("company", "credited_interaction")


class SessionsView(RowsView):
    permission = "alhena_tracking.view_visitorsession"
    filter_set = filters.SessionFilters
    parameters = (*filters.SessionFilters.base_filters, *pages.PARAMETERS)
    serializer = serializers.SessionSerializer()

    def rows(self) -> DatedQuerySet[Any]:
        orders = Order.objects.counted().filter(session=OuterRef("pk"))
        return VisitorSession.objects.select_related("company").annotate(has_order=Exists(orders))
