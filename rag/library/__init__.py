"""Where papers live: a catalog in SQL, and a dense and a keyword index that follow it."""
