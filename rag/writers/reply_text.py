"""The part of a model's reply that is the answer: without thoughts, calls of tools and the words of templates."""

import re
from collections.abc import Iterator

_THOUGHTS = r"think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|analysis|inner_monologue|seed:think"
_BEGINS = re.compile(
    rf"<(?P<tag>{_THOUGHTS}|function_calls|tool_use|tool_response|tool_code|invoke)(?: [^<>\n]{{0,80}})?>"
    r"|<(?P<tool>tool_calls?|function_call|function(?==))(?:=[^<>\n]{0,60})?>"
    r"|\[(?P<square>THINK)\]|(?P<arrow>◁think▷)|<\|begin_of_(?P<phase>thought|thinking)\|>"
    r"|(?P<channel><\|channel\|>\s{0,2}(?:analysis|commentary))",
    re.IGNORECASE,
)
_PLAIN_TAGS = re.compile(
    rf"</?(?:final_)?(?:answer|final|response|output|result|reply)>|</(?:tool_calls?|function_call|function)>|</?s>"
    r"|\[/?INST\]|\[TOOL_CALLS\]|<\|python_tag\|>|<\|(?:begin|end)_of_solution\|>|<\|message\|>"
    r"|</?abstract-[0-9a-f]{4,8}[^<>\n]{0,40}>|<\|channel\|>\s{0,2}final|<\|start\|>(?:assistant)?|<\|begin_of_text\|>"
    rf"|(?P<thought></(?:{_THOUGHTS})>|\[/THINK\]|◁/think▷|<\|end_of_(?:thought|thinking)\|>)"
    r"|(?P<turn><\|(?:im_end|eot_id|endoftext|return|end_of_text|end|im_start|start_header_id|user)\|>"
    r"|<(?:end|start)_of_turn>|<｜end▁of▁sentence｜>)",
    re.IGNORECASE,
)
_ENDS = {
    "square": r"\[/THINK\]",
    "arrow": "◁/think▷",
    "phase": r"<\|end_of_(?:thought|thinking)\|>",
    "channel": r"<\|channel\|>\s{0,2}final(?:<\|message\|>)?",
}
_LONGEST_TAG = 120
_TAG_BEGUN = re.compile(
    rf"(?:<(?!\|)[^<>\n]{{0,{_LONGEST_TAG}}}|<\|[^<>\n]{{0,40}}|<\|channel\|>\s{{0,2}}[a-z]{{0,10}}|<\|start\|>[a-z]{{0,9}}"
    r"|\[/?[A-Z_]{0,11}|◁/?[a-z]{0,5})\Z",
    re.IGNORECASE,
)
_THINKS_ALOUD = re.compile(
    r"(?:okay|ok|alright|all right|hmm+|wait|let me|let's|let us|the user (?:is|wants|asks|asked)|we need to|i need to"
    r"|first, i|so,? the (?:user|question)|looking at the (?:abstracts|question))\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"[#*_\s]*(?:(?:final |short )?(?:answer|response)|assistant|réponse|antwort|respuesta|回答|答案)"
    r"(?:[*_]*\s*[:：][*_]*|[*_]*(?=\n))\s*",
    re.IGNORECASE,
)
# fmt: off
_FIRST_WORDS = frozenset({
    "answer", "final", "short", "response", "assistant", "réponse", "antwort", "respuesta", "回答", "答案", "okay",
    "ok", "alright", "all", "hmm", "hmmm", "wait", "let", "the", "we", "i", "first", "so", "looking",
})
# fmt: on
_FIRST_WORD = re.compile(r"[#*_\s]*(?P<word>[^\W\d_]*)")
_LONGEST_LABEL = 40


class AnswerText:
    """A stage from a reply to its answer. The result does not depend on how the reply was cut.

    Thoughts whose beginning stands in the prompt, not in the reply, end with a tag alone: a reply that begins as
    thoughts do is held until then, or to its end. What a model writes after the end of its turn is not read.
    """

    def __init__(self) -> None:
        self._held = ""
        self._hidden_until: re.Pattern[str] | None = None
        self._opening: str | None = ""
        self._aloud: list[str] = []
        self._stopped = False

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        self._held += item
        return self._shown(final=False)

    def flush(self) -> list[str]:
        """The rest; of thoughts that never end there is none."""
        return self._shown(final=True)

    def _shown(self, *, final: bool) -> list[str]:
        shown = "".join(self._after_opening(text) for text in self._visible(final))
        if final and self._opening is not None:
            shown += self._opened()
        return [shown] if shown else []

    def _after_opening(self, text: str | None) -> str:
        """What is certain of the text: the opening is read letter by letter, so that its cutting does not matter."""
        if self._opening is None:
            return text or ""
        if text is None:
            self._opening = ""
            self._aloud.clear()
            return ""
        if len(self._opening) >= _LONGEST_LABEL:
            self._aloud.append(text)
            return ""
        for place, letter in enumerate(text, start=1):
            self._opening = (self._opening + letter).lstrip()
            if not self._may_be_label_or_thoughts(self._opening):
                return self._opened() + text[place:]
            if len(self._opening) >= _LONGEST_LABEL:
                self._aloud.append(text[place:])
                break
        return ""

    def _may_be_label_or_thoughts(self, opening: str) -> bool:
        if len(opening) >= _LONGEST_LABEL:
            return _THINKS_ALOUD.match(opening) is not None
        first = _FIRST_WORD.match(opening)
        word = first["word"].lower() if first else ""
        if first and first.end() < len(opening):
            return word in _FIRST_WORDS
        return any(known.startswith(word) for known in _FIRST_WORDS)

    def _opened(self) -> str:
        """The opening without its label."""
        start, self._opening = self._opening or "", None
        label = _LABEL.match(start)
        return (start[label.end() :] if label else start) + "".join(self._aloud)

    def _visible(self, final: bool) -> Iterator[str | None]:
        """The text outside of thoughts; None where everything before it turns out to be thoughts."""
        while self._held and not self._stopped:
            if self._hidden_until:
                end = self._hidden_until.search(self._held)
                self._held = self._held[end.end() if end else -_LONGEST_TAG :]
                if not end:
                    return
                self._hidden_until = None
                continue
            begun = None if final else _TAG_BEGUN.search(self._held, max(0, len(self._held) - 2 * _LONGEST_TAG))
            known = begun.start() if begun else len(self._held)
            tags = (pattern.search(self._held, 0) for pattern in (_BEGINS, _PLAIN_TAGS))
            tag = min((tag for tag in tags if tag and tag.start() < known), key=lambda tag: tag.start(), default=None)
            end_of_text = tag.start() if tag else known
            yield self._held[:end_of_text]
            self._held = self._held[tag.end() if tag else known :]
            if tag is None:
                return
            if tag.lastgroup == "thought":
                yield None
            elif tag.lastgroup == "turn":
                self._stopped = self._opening is None or bool(self._opening.strip())
            elif tag.re is _BEGINS and not (tag.lastgroup == "tool" and self._nothing_shown):
                self._hidden_until = _end_of(tag)

    @property
    def _nothing_shown(self) -> bool:
        """Whether a call of a tool may be the answer itself."""
        return self._opening is not None and not self._opening.strip()


def _end_of(begin: re.Match[str]) -> re.Pattern[str]:
    name = begin.lastgroup or ""
    return re.compile(_ENDS.get(name) or rf"</{re.escape(begin[name])}\s*>", re.IGNORECASE)
