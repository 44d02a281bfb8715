"""Measures answers: questions, runs, metrics, statistics and reports. `cli.py` shows what can be done."""
