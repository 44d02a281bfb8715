"""What watches found, by e-mail."""
