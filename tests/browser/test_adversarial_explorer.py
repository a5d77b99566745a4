"""In a real JupyterLab: digits are attacked by keyboard, and the explorer says what is read."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell


@pytest.fixture
def attack(notebook):
    """Return the adversarial explorer's cell, in view."""
    return run_cell(notebook, "AdversarialExplorer(reader.model, images, labels)")


def test_epsilon_moves_by_keyboard_and_what_is_read_is_told(notebook, attack):
    epsilon, told = attack.get_by_role("slider", name="Epsilon"), attack.get_by_role("status")
    epsilon.press("Home")
    expect(told).to_contain_text("changed by at most 0.00")
    expect(told).to_contain_text("The attack fails.")
    epsilon.press("End")
    expect(epsilon).to_have_value("0.3")
    expect(told).to_contain_text("changed by at most 0.30")
    expect(told).to_contain_text("The attack succeeds.")
    expect(attack.get_by_role("img", name="a change of at most 0.30")).to_be_visible()
    notebook.screenshot(path="tests/artifacts/adversarial_explorer.png")


def test_a_goal_is_chosen_and_what_it_is_already_is_refused(attack):
    goal, told = attack.get_by_role("combobox", name="To be read as"), attack.get_by_role("status")
    label = re.match(r"The (\d)", told.inner_text())[1]
    goal.select_option(label)
    expect(attack.get_by_role("alert")).to_contain_text(f"This digit is a {label} already")
    expect(attack.get_by_role("img")).to_be_hidden()
    goal.press("ArrowDown" if label != "9" else "ArrowUp")
    expect(attack.get_by_role("img", name=f"a {label}; a change of at most")).to_be_visible()
    goal.select_option("any other digit")
    digit = attack.get_by_role("slider", name="Digit")
    digit.press("ArrowRight")
    expect(attack.get_by_role("img", name="Digit 1, a ")).to_be_visible()
