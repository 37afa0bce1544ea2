"""Full-text search behind file_search: chunks, queries, attribute filters."""
