"""Answers questions about scientific abstracts, and shows the very words that support each sentence."""

import os

# onnxruntime 1.29 and newer reports its use to its maker unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
