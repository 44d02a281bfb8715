"""What kind of thing a question asks for, read off its wording, and whether a text has anything of that kind.

A question about the right paper is still unanswerable when its abstract has no number for the metric, no hardware, no
licence. Wording shows what is asked; the lists below are about English and about papers, not about any one paper.
"""

import re
from dataclasses import dataclass

from rag.text.analysis import content_stems

_FLAGS = re.IGNORECASE

_QUANTITY = re.compile(
    r"\b(how (many|much|long|fast|big|large|often|far|small|deep|wide|few|high|low)|number of|numbers?|count"
    r"|amount|(what|which|whats|what's)( is| was|'s)?( the)?( \w+){0,2} (percentage|percent|fraction|share|factor"
    r"|value|size|score|rate|gain|speed-?up|cost|throughput|latency|loss|similarity)|value|by how)\b",
    _FLAGS,
)
_METRIC = re.compile(
    r"\b(fid|fad|psnr|ssim|lpips|bleu|rouge(?:-?l)?|wer|cer|mos|mean opinion scores?|sdri?|si-?sdr|accuracy|precision"
    r"|recall|f1|auc|auroc|mrr|ndcg|perplexity|ppl|r2|spider|cider|m?iou|clip score|pass rate|pass@\d+|top-?[15]"
    r"|(?:\w+ )?error rate|bits per dim\w*|mmlu|gsm8k)\b",
    _FLAGS,
)
_COUNTED = re.compile(r"\b(?:how many|number of) ((?:[\w-]+ )?[\w-]+)", _FLAGS)
_FIGURE = re.compile(
    r"\d|^(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?)$",
    _FLAGS,
)
_WORD = re.compile(r"[\w.@%+-]+")
_WORDS_TO_A_FIGURE = 10
"""How far from the name of a measure, or of what is counted, its number may stand."""
_DEFINITION = re.compile(
    r"^(what (is|are|does|do)|whats|what's|define|explain|describe)\b.{0,60}(\bmean\w*|\bstand\w*|\?|$)"
    r"|\b(what is meant by|definition|define|explain|in a nutshell|mean by|stand for|what exactly|exactly is)\b|= \?",
    _FLAGS,
)
_WAY = re.compile(
    r"\bhow (?!many|much|long|fast|big|large|often|far|small|deep|wide|few|high|low|well|good)\w+"
    r"|\b(what|which) (\w+ ){0,2}(approach|method|technique|trick|mechanism|strategy|idea|recipe|algorithm|scheme"
    r"|ingredient|way|steps?|components?)\b|\bwhat (do|does|did|is|gets)\b.{1,40}\b(do|done|use|used|rely|replaced?"
    r"|instead)\b",
    _FLAGS,
)
_THING = re.compile(r"\b(?:which|what|whose|how many)((?: [\w-]+){1,3})", _FLAGS)
_RELEASE = re.compile(
    r"\b(code|urls?|links?|github|repo\w*|releas\w+|download\w*|availab\w+|open[- ]?sourc\w+|public\w*|websites?"
    r"|demos?|checkpoints?|weights|samples|hugging ?face|where (can|do) (i|we))\b",
    _FLAGS,
)
_JUDGEMENT = re.compile(
    r"^(and |so |but )?(is|are|was|were|do|does|did|can|could|will|would|should|must|has|have|may)\b", _FLAGS
)


@dataclass(frozen=True)
class _Kind:
    """Words of a question that ask for it, and words of an abstract that could tell it."""

    question: re.Pattern[str]
    abstract: re.Pattern[str]


def _kind(question: str, abstract: str) -> _Kind:
    return _Kind(re.compile(rf"\b({question})\b", _FLAGS), re.compile(rf"(?<!\w)({abstract})(?!\w)", _FLAGS))


_KINDS = {
    "hardware": _kind(
        r"gpus?|tpus?|hardware|accelerators?|machines?|chips?|cards?|boards?|devices?|servers?",
        r"gpus?|tpus?|hardware|[avh]100s?|gaudi|rtx|cpus?|fpgas?|jetson|chips?|devices?|servers?|phones?|laptops?"
        r"|machines?",
    ),
    "duration": _kind(
        r"how long|hours?|days?|minutes?|weeks?|training time|wall[- ]clock|seconds",
        r"hours?|days?|minutes?|weeks?|seconds?|ms|milliseconds?|h",
    ),
    "licence": _kind(r"licen[cs]ed?", r"licen[cs]\w+|apache|mit|cc-by\S*|gpl|bsd"),
    "cost": _kind(
        r"costs?|price|dollars?|euros?|usd|budget|joules?|energy|electricity|carbon",
        r"\$\S*|costs?|price|dollars?|usd|joules?|energy|carbon|cheap\w*|expens\w+|budget",
    ),
    "people": _kind(
        r"who (is|are|were) the authors?|universit\w+|institut\w+|affiliat\w+|funded|funding",
        r"universit\w+|institut\w+|funded|funding",
    ),
    "publication": _kind(
        r"conference|venue|journal|published (in|at|where)|workshop|(what|which) year|publication year",
        r"conference|venue|journal|workshop|proceedings",
    ),
    "raters": _kind(
        r"annotat\w+|participants?|raters?|listeners|crowd\w*|volunteers",
        r"annotat\w+|participants?|raters?|subjects|listeners|crowd\w*|volunteers|humans?|experts?|users?",
    ),
    "software": _kind(
        r"programming language|written in|implemented in",
        r"python|c\+\+|java|julia|rust|cuda|pytorch|tensorflow|jax|mlx|framework",
    ),
    "model size": _kind(
        r"parameters?|param count|model size", r"\d+(\.\d+)? ?(k|m|b|million|billion|trillion)|parameters?"
    ),
}
_VERBATIM = re.compile(
    r"\b(learning rate|batch size|epochs?|optimi[sz]er|dropout|temperature|weight decay|hyper-?param\w*"
    r"|threshold|default|dimension\w*|ablation|confidence interval|standard deviation|p-?value|lower bound"
    r"|upper bound|proof)\b",
    _FLAGS,
)
"""Things with one name: an abstract that tells them says the word."""


def for_a_quantity(question: str) -> bool:
    """Whether a number would answer it."""
    return _QUANTITY.search(question) is not None or _METRIC.search(question) is not None


def metrics(question: str) -> list[str]:
    """The measures whose value it asks for, such as FID; top-1 is an accuracy."""
    found = [match.group(1) for match in _METRIC.finditer(question)]
    return [f"{metric} accuracy" if metric.lower().startswith("top") else metric for metric in found]


def counted(question: str) -> list[str]:
    """What it asks the number of, in one or two words."""
    return _COUNTED.findall(question)


def for_a_definition(question: str) -> bool:
    """Whether it asks what something is or means, not how much of it there is."""
    return _DEFINITION.search(question) is not None and not for_a_quantity(question)


def for_a_judgement(question: str) -> bool:
    """Whether yes or no would answer it."""
    return _JUDGEMENT.search(question) is not None


def for_a_way(question: str) -> bool:
    """Whether it asks how something is done, not how much of it there is."""
    return _WAY.search(question) is not None and not for_a_quantity(question)


def for_a_release(question: str) -> bool:
    """Whether it is about what is released, such as the code, or where to get it."""
    return _RELEASE.search(question) is not None


def things(question: str) -> list[str]:
    """What it asks for by name: the words after "which" and the like."""
    return _THING.findall(question)


def for_a_kind(question: str) -> bool:
    """Whether it asks for one of the kinds that abstracts seldom tell."""
    return any(kind.question.search(question) for kind in _KINDS.values()) or _VERBATIM.search(question) is not None


def missing_kind(question: str, text: str) -> bool:
    """Whether it asks for a kind of thing of which the text has nothing."""
    lowered = text.lower()
    if any(found.group().lower() not in lowered for found in _VERBATIM.finditer(question)):
        return True
    return any(kind.question.search(question) and not kind.abstract.search(text) for kind in _KINDS.values())


def told(measured: str, text: str) -> bool:
    """Whether a number stands near a word of what is measured or counted."""
    wanted = set(content_stems(measured))
    words = _WORD.findall(text)
    figures = [position for position, word in enumerate(words) if _FIGURE.search(word)]
    places = [position for position, word in enumerate(words) if not wanted.isdisjoint(content_stems(word))]
    return any(0 < abs(place - figure) <= _WORDS_TO_A_FIGURE for place in places for figure in figures)
