"""Watches: subjects and questions of which a caller is told what is new."""
