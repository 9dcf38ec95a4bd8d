<?php
/* Plugin Name: Alhena: name the visitor of an order */
function alhena_name_visitor( $order ) {
	$cookie = $_COOKIE['alhena_$company_key'] ?? '';
	$is_opted_out = '1' === ( $_SERVER['HTTP_SEC_GPC'] ?? '' );
	if ( $is_opted_out || ! preg_match( '/^1\.([0-9a-f-]{36})\.([0-9a-f-]{36})\.\d{1,12}$/i', $cookie, $ids ) ) {
		return;
	}
	$order->update_meta_data( '_alhena', $ids[1] . ',' . $ids[2] );
	if ( $order->get_id() ) {
		$order->save_meta_data();
	}
}
add_action( 'woocommerce_checkout_create_order', 'alhena_name_visitor' );
add_action( 'woocommerce_store_api_checkout_update_order_meta', 'alhena_name_visitor' );
