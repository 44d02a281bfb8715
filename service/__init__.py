"""The doors: the command line and HTTP. Each turns something from outside into a question, and the Answer back."""
