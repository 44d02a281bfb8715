"""An example notebook: papers in, a cited answer out, its evidence, a search, LangChain."""

# %% [markdown]
# # A notebook
#
# The public names of `rag`, from papers to a cited answer. The file is `service/docs/example.py`: open it in
# VS Code, or with jupytext in Jupyter, and run it cell by cell. It needs no key and no network.

# %%
from rag import Filters, LibraryAnswerer, LibraryRetriever, Paper, SyncWorkspace

workspace = SyncWorkspace()  # settings come from SCHOLIAST_* and .env

# %% [markdown]
# ## Papers
#
# Files of any [format](pages/papers.md), folders of them, or papers made here. Running it again costs nothing.

# %%
kites = Paper(
    id="doi:10.1000/kites",
    title="Tethered kites over the coast",
    abstract="We flew twelve tethered kites over the coast. The kites stayed in the air for nine hours on average. "
    "Longer tails did not lengthen the flights.",
    year=2021,
    authors=("Ada Wren",),
)
gliders = Paper(
    id="doi:10.1000/gliders",
    title="Gliders without engines",
    abstract="Gliders climb in rising air. In forty flights the median climb was 310 metres.",
    year=2023,
    authors=("Bo Lark",),
)
report = workspace.ingest(kites, gliders, library="flight")
print(report.added, "added,", report.unchanged, "unchanged")

# %% [markdown]
# ## A question
#
# A notebook shows an answer with its quotes. Every quote is a slice of its abstract.

# %%
answer = workspace.ask("How long did the kites stay in the air?", library="flight")
print(answer.outcome, "-", answer.text)
for citation in answer.citations:
    print(f"[{citation.number}] {citation.paper.title}: “{citation.quote}”")
assert all(c.quote == kites.abstract[c.start : c.end] for c in answer.citations)

# %% [markdown]
# What the abstracts do not say is not answered; `outcome` tells why.

# %%
declined = workspace.ask("What did the kites cost?", library="flight")
print(declined.outcome, "-", declined.text)

# %% [markdown]
# Filters say what a question may be answered from.

# %%
recent = workspace.ask("How high do gliders climb?", library="flight", filters=Filters(year_from=2022))
print(recent.text)

# %% [markdown]
# ## A search

# %%
for passage in workspace.search("rising air", library="flight", limit=2):
    print(f"{passage.score:.2f}", passage.paper.title)

# %% [markdown]
# ## In LangChain
#
# A library by its name, as a retriever, and as a `Runnable` that answers with its documents:
# [more](pages/langchain.md).

# %%
documents = LibraryRetriever.from_library("flight", workspace, limit=1).invoke("kites")
print(documents[0].metadata["title"])
found = LibraryAnswerer("flight", workspace).invoke("How long did the kites stay in the air?")
print(found["answer"], [document.metadata["quotes"] for document in found["documents"]])

# %% [markdown]
# Other processes can use the library again when it is closed.

# %%
workspace.close()
