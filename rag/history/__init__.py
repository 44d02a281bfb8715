"""What was asked and answered: conversations, answers with the feedback on them, and jobs that are answered once."""
