"""Whether a model's words decline to answer, in any of the ways that models have.

The patterns were written from the usual phrases of chat models; an unusual wording passes for an answer, and then none
of its sentences finds support.
"""

import re

OPENING = 60
"""Characters within which a refusal shows itself."""

_SOURCES = (
    r"(?:abstracts?|papers?|contexts?|passages?|sources?|documents?|excerpts?|information|texts?|library|articles?"
    r"|stud(?:y|ies)|search results|materials?|corpus|references|data|content|literature|publications)"
)
_NOT = r"(?:do(?:es)?|did|is|are|was|were|has|have|can|could)(?: not|n['’]t|not)"
_CAN_NOT = r"(?:can ?not|can['’]?t|could(?:n['’]t| not)|(?:am|are) (?:not able|unable)|do(?:n['’]t| not))"
_TELL = (
    r"(?:say|state|mention|contain|include|provide|specify|discuss|address|cover|answer|give|tell|report|describe|reveal"
    r"|enough|sufficient|relevant|explicit|indicate|offer|disclose|appear|directly)"
)
_TOLD = r"(?:mentioned|stated|specified|provided|discussed|addressed|available|covered|given|reported)"
_HELP = r"(?:answer|find|determine|know|have|provide|help|tell|say|assist|comply|see|share|discuss|fulfil)"
_DECLINES = re.compile(
    "|".join((
        rf"\b{_SOURCES}\b[^.!?]{{0,70}}\b{_NOT}\b[^.!?]{{0,30}}\b{_TELL}",
        rf"\b{_SOURCES}\b[^.!?]{{0,50}}\b(?:contain|provide|include|give|offer|make|say|tell)s? no(?:thing)?\b",
        rf"\b(?:no|none of the|not enough|insufficient|nothing in the|neither of the|lack of)\b[^.!?]{{0,40}}"
        rf"\b{_SOURCES}\b(?:[^.!?]{{0,40}}\b(?:{_TELL}|about|on|available|given|provided|found)|\W*$)",
        rf"\b(?:i|we) {_CAN_NOT}\b[^.!?]{{0,20}}\b{_HELP}",
        r"\bi (?:won['’]t|will not|must decline)\b",
        rf"\b(?:unable|impossible|not possible|not able) to {_HELP}",
        r"\bthere (?:is|are)(?: no|n['’]t (?:any|enough)| not (?:any|enough)) (?:\w+ ){0,3}"
        r"(?:information|mention|details?|data|evidence|answers?|abstracts?|papers?|passages?)",
        rf"^\W*(?:it|this|that|the answer|the question)\b[^.!?]{{0,60}}\b(?:is|are) not (?:\w+ )?{_TOLD}\b",
        r"\b(?:cannot|can['’]t|could not|can not) be (?:answered|determined|found|inferred)",
        r"^\W*(?:not (?:found|stated|mentioned|specified|available|enough information)|no answer|unanswerable)\b",
        r"^\W*(?:n/?a|unknown|insufficient|sorry|apologies|i apolog\w+|my apolog\w+|as an ai)\b",
        r"^\W*(?:i['’]?m|i am|we are)(?: very| so)? (?:sorry|not sure|afraid)\b",
        r"\b(?:outside|beyond) (?:of )?(?:the|my|our) (?:scope|library|papers|corpus|context)",
        # French, German, Spanish, Chinese
        r"^\W*(?:je suis )?désolé|\bje ne (?:peux|sais|dispose|trouve) pas",
        r"\b(?:résumés|articles|extraits)\b[^.!?]{0,40}\bne (?:\w+ ){1,2}pas\b",
        r"^\W*(?:es )?tut mir leid|\bich kann\b[^.!?]{0,30}\bnicht\b",
        r"\b(?:zusammenfassungen|abstracts)\b[^.!?]{0,40}\b(?:nicht|keine)\b",
        r"^\W*lo siento|\bno puedo (?:responder|ayudar)|\b(?:resúmenes|artículos)\b[^.!?]{0,20}\bno \w+",
        r"^\W*(?:很抱歉|抱歉|对不起)|摘要[^。]{0,20}(?:没有|未)",
    )),
    re.IGNORECASE,
)  # fmt: skip
_FIRST_WORDS = (
    "i", "i'm", "i’m", "we", "sorry", "as", "unfortunately", "apologies", "my", "unable", "it", "it's", "it’s",
    "this", "that", "there", "there's", "none", "no", "nothing", "not", "neither", "based", "from", "according",
    "in", "n/a", "unknown", "insufficient", "cannot", "can't", "can’t", "however", "while", "although", "these",
    "those", "given", "abstracts", "je", "désolé", "les", "aucun", "ich", "leider", "die", "es", "lo", "los", "抱歉",
    "很抱歉", "对不起",
)  # fmt: skip
_AFTER_THE = re.compile(
    rf"the (?:\S*\Z|(?:provided|given|available|retrieved|above|question|answer|{_SOURCES})\b)", re.IGNORECASE
)
_NEGATIVE = re.compile(
    r"\b(?:no|not|none|cannot|unable|sorry|nothing|neither|insufficient|lack|unknown|apolog\w*|beyond|outside|désolé|pas|ne"
    r"|nicht|leid|keine|siento)\b|n['’]t\b|[抱没未]",
    re.IGNORECASE,
)
_FIRST = re.compile(r"[^\s,.:;!。，]*")


def declines(sentence: str) -> bool:
    """Whether a sentence says that there is no answer, or that none will be given."""
    return _DECLINES.search(sentence) is not None


def may_decline(opening: str) -> bool:
    """Whether a text that begins so may still turn out to decline."""
    start = opening.lstrip(' \t\n*_"“#>-').lower()
    word = _FIRST.match(start)
    first = word[0] if word else ""
    known = first in _FIRST_WORDS or _AFTER_THE.match(start) is not None
    begun = first == start and any(opener.startswith(start) for opener in ("the", *_FIRST_WORDS))
    return (known or begun) and (len(start) < OPENING or _NEGATIVE.search(start) is not None)
