"""The endpoints that storefronts and shops' servers send events to."""
