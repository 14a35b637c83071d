"""Made once for a base: the projections of a query, sub-keys, document frequencies and a bank of background queries."""
