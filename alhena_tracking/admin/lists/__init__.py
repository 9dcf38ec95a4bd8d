"""Lists of rows that stay fast at any size: pages by keys, filters that query nothing, times in the company's zone."""
