"""In a real JupyterLab: the digit browser turns its pages by mouse and keyboard, and says what it shows."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view, with all digits as stored."""
    cell = run_cell(notebook, "DigitBrowser(images, labels)")
    cell.get_by_role("combobox", name="Digit").select_option("all")
    cell.get_by_role("combobox", name="Order").select_option("as stored")
    expect(cell.get_by_role("status")).to_contain_text("all digits, as stored")
    return cell


def test_a_digit_is_chosen_by_keyboard_and_the_picture_follows(explorer):
    digits, told = explorer.get_by_role("combobox", name="Digit"), explorer.get_by_role("status")
    for digit in "01":
        digits.press("ArrowDown")
        expect(digits).to_have_value(digit)
        expect(told).to_contain_text(f"images of the {digit}, as stored: page 1 of")
        name = re.compile(f"as stored: 40 images, from {digit} at position")
        expect(explorer.get_by_role("img", name=name)).to_be_visible()


def test_pages_turn_by_keyboard_and_new_order_starts_at_first(notebook, explorer):
    page, told = explorer.get_by_role("slider", name="Page"), explorer.get_by_role("status")
    explorer.get_by_role("combobox", name="Digit").select_option("7")
    expect(told).to_contain_text("images of the 7, as stored: page 1 of")
    page.press("ArrowRight")
    page.press("ArrowRight")
    expect(page).to_have_value("3")
    expect(told).to_contain_text("page 3 of")
    page.press("End")
    expect(told).to_contain_text(re.compile(r"page (\d+) of \1\."))
    orders = explorer.get_by_role("combobox", name="Order")
    orders.press("ArrowDown")
    expect(orders).to_have_value("most typical first")
    expect(page).to_have_value("1")
    expect(told).to_contain_text("images of the 7, most typical first: page 1 of")
    notebook.screenshot(path="tests/artifacts/digit_browser.png")


def test_each_order_shows_other_digits(explorer):
    orders, picture = explorer.get_by_role("combobox", name="Order"), explorer.get_by_role("img")
    texts = set()
    for order in orders.get_by_role("option").all_inner_texts():
        orders.select_option(order)
        expect(explorer.get_by_role("status")).to_contain_text(f"all digits, {order}: page 1")
        texts.add(picture.get_attribute("alt").partition(":")[2])
    assert len(texts) == 5


def test_a_click_on_the_slider_opens_a_page_there(explorer):
    page, told = explorer.get_by_role("slider", name="Page"), explorer.get_by_role("status")
    page.click()  # in its middle
    number = int(page.input_value())
    assert number > 10
    expect(told).to_contain_text(f"page {number} of")
