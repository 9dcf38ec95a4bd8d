<?php
/* Plugin Name: Alhena: the tracker */
function alhena_tracker() {
	?>
<script>$snippet</script>
<script defer src="${static_url}tracker.js" data-company-key="$company_key" data-endpoint="$endpoint"></script>
	<?php
}
add_action( 'wp_head', 'alhena_tracker' );
