"""One process owns a library; others of the same user have it do what they want done."""
