"""The endpoints of staff's JSON. They state their whole policy: the project's ``REST_FRAMEWORK`` cannot change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from django.apps import apps
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alhena_tracking.api.ingestion.views import JSONOnly
from alhena_tracking.api.staff import documents, errors, filters, pages
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.models import CartEvent, Company, Order, VisitorSession
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import revenue_impact
from alhena_tracking.reports.forms import ReportForm, report_companies

TOKENS = "rest_framework.authtoken"


class StaffPermission(BasePermission):
    """Staff with the right that the view names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user  # the project may have chosen None for nobody
        return bool(user and user.is_active and user.is_staff and user.has_perm(view.right))


class StaffView(APIView):
    """Answers staff who are logged in or have a token: figures and rows of companies that they may see."""

    # Tokens first: by the first one, a 401 says what it asks for.
    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (StaffPermission,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    versioning_class = None
    metadata_class = None
    http_method_names = ["get", "head", "options"]

    right: ClassVar[str] = ""
    parameters: ClassVar[tuple[str, ...]] = ()

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Tokens only where the project has installed them."""
        has_tokens = apps.is_installed(TOKENS)
        return [one for one in super().get_authenticators() if has_tokens or not isinstance(one, TokenAuthentication)]

    def get_authenticate_header(self, request: Request) -> str:
        """What a 401 asks for; without one, REST framework would answer 403."""
        return "Token" if apps.is_installed(TOKENS) else "Session"

    def get(self, request: Request) -> HttpResponse:
        return JsonResponse(self.document(request, report_companies(request.user)))

    def check(self, request: Request, wrong: Iterable[errors.Error]) -> None:
        """Tell all that is wrong at once, if anything is."""
        if found := [*errors.check_names(request.query_params, self.parameters), *wrong]:
            raise errors.Invalid(found)

    def document(self, request: Request, companies: list[Company]) -> documents.Document:
        raise NotImplementedError

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response | None]:
        return errors.handle_exception

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response


class RevenueImpactView(StaffView):
    """The report, asked by the parameters of its page."""

    right = "alhena_tracking.view_revenueimpact"
    parameters = tuple(ReportForm.base_fields)

    def document(self, request: Request, companies: list[Company]) -> documents.Document:
        if not companies:
            raise Http404
        form = ReportForm(request.query_params, companies=companies)
        self.check(request, errors.errors_of(form))
        with snapshot():
            report = revenue_impact(form.report_query())
        return documents.report_document(report)


class RowsView(StaffView):
    """Rows of the companies that may be seen, the latest first, page by page."""

    filter_set: ClassVar[type[filters.RowFilters]]

    def rows(self) -> DatedQuerySet[Any]:
        """All rows, with what their documents need."""
        raise NotImplementedError

    def row_document(self, row: Any) -> documents.Document:
        raise NotImplementedError

    def document(self, request: Request, companies: list[Company]) -> documents.Document:
        rows = self.rows().filter(company__in=[company.pk for company in companies])
        chosen = self.filter_set(request.query_params, queryset=rows, companies=companies)
        chosen.check()
        page = pages.PageQuery.parse(request.query_params)
        self.check(request, [*errors.errors_of(chosen.form), *page.errors])
        found, following = page.page_of(chosen.qs, request)
        return documents.list_document((self.row_document(row) for row in found), following)


class OrdersView(RowsView):
    right = "alhena_tracking.view_order"
    filter_set = filters.OrderFilters
    parameters = (*filters.OrderFilters.base_filters, *pages.PARAMETERS)

    def rows(self) -> DatedQuerySet[Any]:
        return Order.objects.select_related("company", "credited_interaction").prefetch_related("lines", "refunds")

    def row_document(self, row: Any) -> documents.Document:
        return documents.order_document(row)


class CartEventsView(RowsView):
    right = "alhena_tracking.view_cartevent"
    filter_set = filters.CartEventFilters
    parameters = (*filters.CartEventFilters.base_filters, *pages.PARAMETERS)

    def rows(self) -> DatedQuerySet[Any]:
        return CartEvent.objects.select_related("company", "credited_interaction")

    def row_document(self, row: Any) -> documents.Document:
        return documents.cart_event_document(row)


class SessionsView(RowsView):
    right = "alhena_tracking.view_visitorsession"
    filter_set = filters.SessionFilters
    parameters = (*filters.SessionFilters.base_filters, *pages.PARAMETERS)

    def rows(self) -> DatedQuerySet[Any]:
        orders = Order.objects.counted().filter(session=OuterRef("pk"))
        return VisitorSession.objects.select_related("company").annotate(has_order=Exists(orders))

    def row_document(self, row: Any) -> documents.Document:
        return documents.session_document(row)
