"""The endpoints of the contract, for storefronts and shops' servers."""
