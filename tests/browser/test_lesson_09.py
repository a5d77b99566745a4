"""Lesson 09 in a real JupyterLab: maps can be browsed and digits attacked by keyboard, and both say what they show."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import scroll_to


@pytest.fixture
def maps(lesson):
    """Return the feature-map browser's cell, in view."""
    return scroll_to(lesson, "FeatureMapBrowser(")


@pytest.fixture
def attack(lesson):
    """Return the adversarial explorer's cell, in view."""
    return scroll_to(lesson, "AdversarialExplorer(")


def test_layers_are_chosen_by_mouse_and_keyboard(lesson, maps):
    layers, told = maps.get_by_role("combobox", name="Layer"), maps.get_by_role("status")
    expect(told).to_contain_text("32 maps of 26 x 26")
    layers.select_option("3 Conv2D")
    expect(told).to_contain_text("64 maps of 11 x 11")
    lesson.screenshot(path="tests/artefacts/feature_map_browser.png")
    layers.press("ArrowDown")
    expect(layers).to_have_value("4 MaxPooling2D")
    expect(told).to_contain_text("64 maps of 5 x 5")
    expect(maps.get_by_role("img", name="the 64 maps that layer 4 MaxPooling2D makes of it")).to_be_visible()


def test_another_digit_has_other_maps(maps):
    digit, told = maps.get_by_role("slider", name="Digit"), maps.get_by_role("status")
    before = told.inner_text()
    digit.press("ArrowRight")
    expect(digit).to_have_value("1")
    expect(told).not_to_have_text(before)
    expect(maps.get_by_role("img", name="Digit 1, and the")).to_be_visible()


def test_epsilon_moves_by_keyboard_and_what_is_read_is_told(lesson, attack):
    epsilon, told = attack.get_by_role("slider", name="Epsilon"), attack.get_by_role("status")
    epsilon.press("Home")
    expect(told).to_contain_text("changed by at most 0.00")
    expect(told).to_contain_text("The attack fails.")
    epsilon.press("End")
    expect(epsilon).to_have_value("0.3")
    expect(told).to_contain_text("changed by at most 0.30")
    expect(told).to_contain_text("The attack succeeds.")
    expect(attack.get_by_role("img", name="a change of at most 0.30")).to_be_visible()
    lesson.screenshot(path="tests/artefacts/adversarial_explorer.png")


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
