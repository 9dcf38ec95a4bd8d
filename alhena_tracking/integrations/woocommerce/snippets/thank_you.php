<?php
/* Plugin Name: Alhena: report the order from the thank-you page */
function alhena_report_order( $order_id ) {
	$order = wc_get_order( $order_id );
	if ( ! $order || $order->has_status( 'failed' ) ) {
		return;
	}
	$data = array(
		'orderId'  => (string) $order->get_id(),
		'value'    => (float) $order->get_total(),
		'currency' => $order->get_currency(),
	);
	$format = '<template data-alhena-event="sendCheckoutEvent" data-alhena-data="%s"></template>';
	printf( $format, esc_attr( wp_json_encode( $data ) ) );
}
add_action( 'woocommerce_thankyou', 'alhena_report_order' );
