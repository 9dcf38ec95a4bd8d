"""The bare view: parses the same JSON and does one ``create()``."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from benchmarks.models import BareEvent


@csrf_exempt
def record(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    event = BareEvent.objects.create(
        company_key=body["company_key"],
        user_fingerprint=body["user_fingerprint"],
        user_faq_fingerprint=body["user_faq_fingerprint"],
        event_id=body["event_id"],
        source=body["source"],
        type=body["type"],
        product_id=body["product_id"],
        product_name=body["product_name"],
        currency=body["currency"],
        value=body["value"],
        quantity=body["quantity"],
        occurred_at=body["occurred_at"],
        received_at=timezone.now(),
    )
    return JsonResponse({"status": "recorded", "id": event.event_id}, status=201)
