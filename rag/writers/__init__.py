"""What writes answers: `extractive` needs no model, `chat` takes any LangChain chat model."""
