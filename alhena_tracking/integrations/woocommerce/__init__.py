"""WooCommerce: its webhooks (``webhooks``), what they say (``orders``), and its REST API (``rest``)."""
