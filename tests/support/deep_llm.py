"""A chat model at the wire that plans, grades and writes as it is told, by what the prompt asks of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from tests.support.wire import said


@dataclass
class DeepModel:
    """`parts` are the replies to the plans, one after the other; `grades` the grade of each title; others get 0."""

    parts: Sequence[Mapping[str, Sequence[str]]]
    grades: Mapping[str, float]
    answer: Sequence[tuple[str, str]]
    """Sentences, each with the title of the abstract that it rests on."""
    verdicts: str = '{"1": "supported", "2": "supported"}'
    outcome: str = "answered"
    missing: str = ""
    asked: list[str] = field(default_factory=list)
    """What each call was for."""

    def respond(self, request: httpx.Request) -> httpx.Response:
        """The reply to one request."""
        prompt: str = "\n".join(message["content"] for message in json.loads(request.content)["messages"])
        keys = dict(re.findall(r'key="(p\w+)">\n(.+?)(?: \(\d{4}\))?\n', prompt))
        if prompt.startswith("You plan"):
            parts = self.parts[min(self.asked.count("plan"), len(self.parts) - 1)]
            self.asked.append("plan")
            return said(json.dumps({"parts": [{"question": q, "searches": list(s)} for q, s in parts.items()]}))
        if prompt.startswith("You choose"):
            self.asked.append("grade")
            grades = [{"key": k, "grade": self.grades.get(t, 0), "why": f"About {t}."} for k, t in keys.items()]
            return said(json.dumps({"grades": grades}))
        if prompt.startswith("You check"):
            self.asked.append("verify")
            message = {"role": "assistant", "content": self.verdicts}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            return httpx.Response(200, json=body)
        self.asked.append("write")
        key_of = {title: key for key, title in keys.items()}
        sentences = [{"text": text, "abstracts": [key_of.get(title, "p0z0")]} for text, title in self.answer]
        return said(json.dumps({"outcome": self.outcome, "sentences": sentences, "missing": self.missing}))
