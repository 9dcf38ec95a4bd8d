"""The snippets for WooCommerce shops, run by PHP with stand-ins for WordPress (Debian: ``apt-get install php-cli``)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from alhena_tracking.integrations.mapping import visitor_from_text
from alhena_tracking.integrations.woocommerce.platform import WooCommerce
from alhena_tracking.snippet import snippet_code
from tests.support.woocommerce import VISITOR

TRACKER, CHECKOUT, THANK_YOU = (
    next(step.code for step in WooCommerce.steps if name in step.code)
    for name in ("alhena_tracker", "alhena_name_visitor", "alhena_report_order")
)
COOKIE = f"1.{VISITOR[0]}.{VISITOR[1]}.1795000000"

#: What WordPress and WooCommerce do with what the snippets call.
STAND_INS = r"""
class Order {
	public $id, $meta = array(), $saved = 0, $status = 'processing';
	function __construct( $id ) { $this->id = $id; }
	function get_id() { return $this->id; }
	function get_total() { return '84.50'; }
	function get_currency() { return 'USD'; }
	function has_status( $status ) { return $this->status === $status; }
	function update_meta_data( $key, $value ) { $this->meta[ $key ] = $value; }
	function save_meta_data() { $this->saved++; }
}
$hooks = array();
function add_action( $hook, $function ) { global $hooks; $hooks[ $hook ][] = $function; }
function do_action( $hook, ...$arguments ) {
	global $hooks;
	foreach ( $hooks[ $hook ] as $function ) { $function( ...$arguments ); }
}
function wc_get_order( $id ) { global $order; return $order && $order->id === $id ? $order : false; }
function wp_json_encode( $data ) { return json_encode( $data ); }
function esc_attr( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
"""

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")


def run(tmp_path: Path, code: str, then: str) -> str:
    """Run a snippet for the company acme, and what follows; warnings are errors."""
    file = tmp_path / "run.php"
    snippet = code.replace("$company_key", "acme").removeprefix("<?php")
    file.write_text(
        "<?php\nset_error_handler( function ( $number, $text ) { throw new Exception( $text ); } );\n"
        + "\n".join([STAND_INS, snippet, then])
    )
    done = subprocess.run(["php", str(file)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def named(tmp_path: Path, hook: str, cookie: str | None, *, server: str = "", order_id: int = 0) -> dict[str, Any]:
    cookies = "" if cookie is None else f"$_COOKIE['alhena_acme'] = {json.dumps(cookie)};"
    ordering = f"$order = new Order( {order_id} ); do_action( '{hook}', $order ); echo json_encode( $order );"
    found: dict[str, Any] = json.loads(run(tmp_path, CHECKOUT, f"{cookies} {server} {ordering}"))
    return found


@pytest.mark.parametrize("step", [step for step in WooCommerce.steps if "<?php" in step.code])
def test_snippet_when_filled_in_is_complete_php(tmp_path: Path, step: Any) -> None:
    file = tmp_path / "snippet.php"
    file.write_text(step.code_for(company_key="acme", static_url="/static/", endpoint="/alhena/"))
    assert "$company_key" not in file.read_text()
    assert subprocess.run(["php", "-l", str(file)], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("hook", "order_id", "saved"),
    [
        ("woocommerce_checkout_create_order", 0, 0),  # which WooCommerce saves afterwards
        ("woocommerce_store_api_checkout_update_order_meta", 4107, 1),
    ],
)
def test_checkout_when_the_visitor_has_a_cookie_names_them(
    tmp_path: Path, hook: str, order_id: int, saved: int
) -> None:
    order = named(tmp_path, hook, COOKIE, order_id=order_id)
    assert order["meta"] == {"_alhena": ",".join(VISITOR)}
    assert order["saved"] == saved
    visitor = visitor_from_text(order["meta"]["_alhena"])
    assert visitor is not None
    assert (str(visitor.user_fingerprint), str(visitor.faq_fingerprint)) == VISITOR


@pytest.mark.parametrize("cookie", [None, "", "2" + COOKIE[1:], COOKIE + "x", COOKIE.replace("-", "/"), COOKIE[:40]])
def test_checkout_when_the_cookie_is_not_the_trackers_names_nobody(tmp_path: Path, cookie: str | None) -> None:
    assert named(tmp_path, "woocommerce_checkout_create_order", cookie)["meta"] == []


def test_checkout_when_the_visitor_opts_out_names_nobody(tmp_path: Path) -> None:
    server = "$_SERVER['HTTP_SEC_GPC'] = '1';"
    assert named(tmp_path, "woocommerce_checkout_create_order", COOKIE, server=server)["meta"] == []


def test_tracker_when_a_page_is_shown_is_in_its_head(tmp_path: Path) -> None:
    values = {"static_url": "https://t.example/static/alhena_tracking/", "endpoint": "https://t.example/alhena/"}
    code = next(step for step in WooCommerce.steps if step.code == TRACKER).code_for(**values)
    shown = run(tmp_path, code, "do_action( 'wp_head' );")
    assert 'src="https://t.example/static/alhena_tracking/tracker.js" data-company-key="acme"' in shown
    assert 'data-endpoint="https://t.example/alhena/"' in shown
    assert shown.count("<script") == 2
    assert snippet_code() in shown


def test_thank_you_page_when_shown_reports_the_order(tmp_path: Path) -> None:
    shown = run(tmp_path, THANK_YOU, "$order = new Order( 4107 ); do_action( 'woocommerce_thankyou', 4107 );")
    (data,) = re.findall(r'data-alhena-data="(.*?)"', shown)
    assert json.loads(data.replace("&quot;", '"')) == {"orderId": "4107", "value": 84.5, "currency": "USD"}
    assert shown.startswith('<template data-alhena-event="sendCheckoutEvent" ')


@pytest.mark.parametrize("then", ["$order = null;", "$order = new Order( 4107 ); $order->status = 'failed';"])
def test_thank_you_page_without_a_good_order_reports_nothing(tmp_path: Path, then: str) -> None:
    assert run(tmp_path, THANK_YOU, f"{then} do_action( 'woocommerce_thankyou', 4107 );") == ""
