"""Putting papers in: what becomes of each record, line by line; and keeping a library in order."""

from pathlib import Path

from playwright.sync_api import expect

from tests.page.conftest import Opened, file_of

GOOD = {"title": "Ferrets and tunnels", "abstract": "Ferrets explore tunnels for an hour.", "year": 2020, "id": "t-1"}
BAD = {"title": "No abstract here", "abstract": ""}


def test_a_file_with_a_bad_record_goes_in_and_the_record_is_told_with_its_line(
    site: str, opened: Opened, tmp_path: Path
) -> None:
    page = opened(f"{site}/add")
    page.get_by_label("Into the library").fill("mine")
    page.set_input_files("input[type=file]", [file_of(tmp_path, "ferrets.jsonl", GOOD, BAD)])
    section = page.get_by_role("region", name="File ferrets.jsonl")
    expect(section).to_contain_text("1 added, 1 rejected")
    row = section.get_by_role("row").nth(1)
    expect(row).to_contain_text("2")
    expect(row).to_contain_text("abstract")
    expect(page.locator(".library option").filter(has_text="mine (1)")).to_have_count(1)


def test_a_file_that_cannot_be_read_is_told_and_the_next_one_goes_in(site: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(f"{site}/add")
    page.get_by_label("Into the library").fill("others")
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(b"\x00\x01\x02 no papers")
    page.set_input_files("input[type=file]", [broken, file_of(tmp_path, "good.jsonl", GOOD)])
    expect(page.get_by_role("region", name="File broken.jsonl").get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("region", name="File good.jsonl")).to_contain_text("1 added")


def test_the_doctor_is_asked_and_the_indexes_are_built_again(site: str, opened: Opened) -> None:
    page = opened(f"{site}/add")
    page.get_by_role("button", name="Check everything").click()
    expect(page.get_by_role("table")).to_contain_text("catalog")
    page.get_by_role("button", name="Build the indexes again").click()
    expect(page.locator(".order [role=status]")).to_contain_text("are built again")


def test_a_paper_is_removed_after_a_second_press(site: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(f"{site}/add")
    page.get_by_label("Into the library").fill("gone")
    page.set_input_files("input[type=file]", [file_of(tmp_path, "one.jsonl", GOOD)])
    expect(page.get_by_role("region", name="File one.jsonl")).to_contain_text("1 added")
    page.get_by_label("Library", exact=True).select_option("gone")
    page.goto(f"{site}/papers/t-1?library=gone")
    page.get_by_role("button", name="Remove from the library").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("main [role=status]")).to_have_text("There is no paper here.")


def test_a_library_is_deleted_after_a_second_press(site: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(f"{site}/add")
    page.get_by_label("Into the library").fill("short-lived")
    page.set_input_files("input[type=file]", [file_of(tmp_path, "one.jsonl", GOOD)])
    expect(page.get_by_role("region", name="File one.jsonl")).to_contain_text("1 added")
    page.get_by_label("Library", exact=True).select_option("short-lived")
    page.get_by_role("button", name="Delete this library").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".order [role=status]")).to_have_text("The library short-lived is deleted.")
    expect(page.locator(".library option").filter(has_text="short-lived")).to_have_count(0)
