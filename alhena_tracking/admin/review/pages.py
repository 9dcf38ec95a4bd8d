"""Pages and actions that ask before they decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from alhena_tracking.admin import formats
from alhena_tracking.admin.review.decisions import BACK, Decision
from alhena_tracking.admin.review.forms import ReasonForm

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

_TEMPLATE = "admin/alhena_tracking/review.html"
#: So many ids of selected rows are read at once.
_READ = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """A decision that a row's page offers."""

    decision: Decision
    url: str
    form: ReasonForm | None


class ReviewMixin(_ModelAdmin):
    """Add a page for each decision on a row, which acts once, however often it is posted, and actions for many rows."""

    decisions: tuple[Decision, ...] = ()

    def title_of(self, row: Any) -> str:
        return str(row)

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<path:object_id>/{decision.name}/",
                self.admin_site.admin_view(partial(self.decision_view, decision=decision)),
                name=f"alhena_tracking_{self.opts.model_name}_{decision.name}",
            )
            for decision in self.decisions
        ]
        return [*pages, *super().get_urls()]

    def has_exclude_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "exclude")

    def has_accept_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "accept")

    def _has_right(self, request: HttpRequest, right: str) -> bool:
        codename = get_permission_codename(right, self.opts)
        return self.has_view_permission(request) and request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def offers(self, request: HttpRequest, row: Any) -> list[Offer]:
        """Return the decisions that a row's own page offers to the user."""
        return [
            Offer(decision, self._url(decision.name, row), ReasonForm(decision) if decision.asks_reason else None)
            for decision in self.decisions
            if decision.is_due(row) and self._has_right(request, decision.right)
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context = {**context, "offers": self.offers(request, row)}
        return super().render_change_form(request, context, *args, **kwargs)

    def decision_view(self, request: HttpRequest, object_id: str, decision: Decision) -> HttpResponse:
        if not self._has_right(request, decision.right):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        form = _form(decision, request, is_answered=request.method == "POST")
        if request.method == "POST" and (form is None or form.is_valid()):
            if self._decide(request, decision, [row.pk], form):
                messages.success(request, str(decision.done))
            elif self.get_queryset(request).filter(pk=row.pk).exists():
                messages.info(request, str(decision.undone))
            else:
                raise Http404  # somebody has deleted it since
            return HttpResponseRedirect(self._url("change", row))
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        title = format_html("{}", self.title_of(row))
        page = {
            "row": row,
            "question": format_html(str(decision.question).replace("%(row)s", "{}"), title),
            "is_due": decision.is_due(row),
            "back_url": self._url("change", row),
            "back": BACK[str(self.opts.model_name)][0],
        }
        return self._ask(request, decision, form, page)

    def decide_selected(self, request: HttpRequest, rows: QuerySet[Any], decision: Decision) -> HttpResponse | None:
        """Ask for confirmation, then decide on all ``rows``, which are those that the user may see."""
        is_answered = "is_answered" in request.POST
        form = _form(decision, request, is_answered=is_answered)
        if is_answered and (form is None or form.is_valid()):
            changed = self._decide(request, decision, _pks(rows), form)
            level = messages.SUCCESS if changed else messages.INFO
            messages.add_message(request, level, _counted(decision.done_many, changed))
            return None
        page = {
            "question": _counted(decision.many, rows.count()),
            "is_due": True,
            "hidden": [
                ("is_answered", "1"),
                ("action", decision.name),
                ("select_across", request.POST.get("select_across", "0")),
                *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
            ],
            "back_url": request.get_full_path(),
            "back": BACK[str(self.opts.model_name)][1],
        }
        return self._ask(request, decision, form, page)

    def _decide(self, request: HttpRequest, decision: Decision, pks: Iterable[int], form: ReasonForm | None) -> int:
        """Decide, and write that into the rows' history, both or neither."""
        reason = form.cleaned_data["reason"] if form is not None else ""
        message = str(decision.history).replace("%(reason)s", reason)

        def log(rows: Sequence[Model]) -> None:
            LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, message)  # type: ignore[arg-type]

        return decision.decide(pks, request.user, reason, log)

    def _ask(
        self, request: HttpRequest, decision: Decision, form: ReasonForm | None, page: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": decision.title if "row" in page else decision.action,
            "opts": self.opts,
            "list_url": reverse(
                f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist", current_app=self.admin_site.name
            ),
            "offer": Offer(decision, "", form),
            **page,
        }
        return render(request, _TEMPLATE, context)

    def _url(self, page: str, row: Model) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=[row.pk], current_app=self.admin_site.name)


def actions_of(decisions: Iterable[Decision]) -> list[Callable[..., Any]]:
    """Return the actions of a list of rows."""
    return [_action_of(decision) for decision in decisions]


def _action_of(decision: Decision) -> Callable[..., Any]:
    def action(model_admin: ReviewMixin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return model_admin.decide_selected(request, rows, decision)

    action.__name__ = decision.name
    return admin.action(action, permissions=[decision.right], description=decision.action)


def _form(decision: Decision, request: HttpRequest, *, is_answered: bool) -> ReasonForm | None:
    return ReasonForm(decision, request.POST if is_answered else None) if decision.asks_reason else None


def _counted(text: Callable[[int], str], count: int) -> str:
    return text(count) % {"count": formats.count(count)}


def _pks(rows: QuerySet[Any]) -> Iterator[int]:
    """Yield the ids of rows, few at a time: those that leave the list meanwhile are found by then."""
    last, ordered = 0, rows.order_by("pk").values_list("pk", flat=True)
    while pks := list(ordered.filter(pk__gt=last)[:_READ]):
        yield from pks
        last = pks[-1]
