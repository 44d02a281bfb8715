"""What stands behind an abstract is found, and is split into no sentence and no chunk."""

import pytest

from rag.text import chunk
from rag.text.tails import evidence_end
from rag.types import Paper

BODY = "Vitamin D did not lower the fall rate. The rate was 0.82 with it."


@pytest.mark.parametrize(
    "tail",
    [
        "Copyright © 2021 Elsevier Inc. All rights reserved.",
        "© 2021 The Author(s). Published by Wiley on behalf of Dr. John.",
        "(C) 2021 Elsevier Ltd. All rights reserved.",
        "TRIAL REGISTRATION: NCT00000000. Copyright © 2021 Elsevier Inc. All rights reserved.",
        "Trial registration: ISRCTN00000000. FUNDING: The Wren Trust.",
        "(Funded by the Wren Trust; ClinicalTrials.gov number, NCT00000000.)",
        "This trial was registered at ClinicalTrials.gov as NCT00000000.",
        "Keywords: falls, vitamin D",
        "This article is protected by copyright.",
    ],
)
def test_a_tail_is_no_evidence(tail: str) -> None:
    assert evidence_end(f"{BODY} {tail}") == len(BODY)
    chunks = chunk.split(Paper(id="p", title="T", abstract=f"{BODY} {tail}"))
    assert [piece.text for piece in chunks] == [BODY]


@pytest.mark.parametrize(
    "abstract",
    [
        BODY,
        f"{BODY} Copyright law was not studied.",
        f"{BODY} We used Rover© scales. © marks were left out.",
        f"FUNDING: The Wren Trust. RESULTS: {BODY}",
        f"© 2021 Wren Press. Objective: to count falls. {BODY}",
        f"{BODY} Trial registration is now required by most journals.",
        "Copyright © 2021 Wren Press.",
        "",
    ],
)
def test_an_abstract_without_a_tail_is_evidence_as_a_whole(abstract: str) -> None:
    assert evidence_end(abstract) == len(abstract)
