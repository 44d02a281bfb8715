"""What was asked: conversations, the receipt of every answer, and what people said of it."""
