"""What was asked and answered: conversations, answers with their feedback, and jobs that are answered exactly once."""
