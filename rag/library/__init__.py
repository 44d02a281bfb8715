"""Libraries of papers: a catalog in SQL is the source of truth; a vector and a keyword index are built from it."""
