"""Thirteen invented papers on medicine with authors, years, venues and links, and one that lacks all of them."""

from collections.abc import Sequence

from rag.types import Paper


def _paper(
    number: int, title: str, abstract: str, year: int | None, authors: Sequence[str], venue: str | None
) -> Paper:
    return Paper(
        id=f"10.5555/m{number}",
        title=title,
        abstract=abstract,
        url=f"https://example.org/m{number}",
        year=year,
        authors=tuple(authors),
        venue=venue,
    )


PAPERS = [
    _paper(
        1,
        "Coffee and sleep in night-shift nurses",
        "Sixty nurses drank coffee or a placebo before their shift. Coffee shortened sleep by forty minutes. "
        "Tea had no effect.",
        2019,
        ("Ann Moe", "Per Lund"),
        "Sleep Reports",
    ),
    _paper(
        2,
        "Evening light and sleep in adolescents",
        "Ninety pupils wore amber glasses in the evening. Less blue light brought sleep forward by half an hour.",
        2021,
        ("Ida Berg", "Ann Moe"),
        "Sleep Reports",
    ),
    _paper(
        3,
        "Melatonin for jet lag: a systematic review",
        "We reviewed ten trials of melatonin in travellers. Taken at bedtime it eases jet lag after eastward flights.",
        2022,
        ("Jon Vik",),
        "Travel Medicine Annals",
    ),
    _paper(
        4,
        "Metformin in older adults",
        "Older adults with diabetes received a fixed dose of metformin. It lowered glucose without dose titration.",
        2020,
        ("Lena Sund", "Omar Reyes"),
        "Diabetes Letters",
    ),
    _paper(
        5,
        "Continuous glucose monitoring in children with type 1 diabetes",
        "Children with diabetes wore a sensor for a year. Nightly alarms halved the number of severe lows.",
        2023,
        ("Rita Falk",),
        "Diabetes Letters",
    ),
    _paper(
        6,
        "A needle-free patch for insulin delivery",
        "A patch with a gel carries insulin through the skin of pigs. No needles are involved, and glucose falls "
        "within an hour.",
        2018,
        ("Omar Reyes",),
        "Diabetes Letters",
    ),
    _paper(
        7,
        "Insulin pumps in pregnancy",
        "Forty women used insulin pumps while pregnant. Birth weights were normal in most of them. "
        "Every pump needs a needle under the skin.",
        2016,
        ("Lena Sund",),
        "Diabetes Letters",
    ),
    _paper(
        8,
        "Telephone follow-up after hip fracture",
        "Nurses called patients after a hip fracture every week. Readmissions fell by a third.",
        2015,
        ("Rita Falk", "Per Lund"),
        "Bone Care",
    ),
    _paper(
        9,
        "Vitamin D and hip fracture: an overview of trials",
        "This overview covers eight trials of vitamin D. It did not prevent hip fracture in people at home.",
        2017,
        ("Jon Vik", "Ida Berg"),
        "Bone Care",
    ),
    _paper(
        10,
        "Early walking after hip fracture surgery",
        "Patients walked on the first day after surgery for a hip fracture. They went home three days sooner.",
        2020,
        ("Per Lund",),
        None,
    ),
    _paper(
        11,
        "Deep learning reads chest radiographs",
        "A deep network was trained on chest radiographs. It has an accuracy of 91% on OpenChest. "
        "The code is available at https://github.com/example/chest.",
        2021,
        ("Mia Holt",),
        "Imaging Methods",
    ),
    _paper(
        12,
        "A light network for chest radiographs",
        "A small network runs on a telephone. Its accuracy on OpenChest is 88%.",
        2022,
        ("Mia Holt", "Jon Vik"),
        "Imaging Methods",
    ),
    Paper(
        id="apnoea",
        title="Screening for apnoea at home",
        abstract="A belt records breathing at night. It finds most people with apnoea.",
    ),
]
