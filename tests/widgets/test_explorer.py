"""The parts of an explorer: controls hold to their limits, faults show, and nothing that is sent is large."""

import threading

import pytest
import traitlets

from utils.widgets.explorer import Choice, Explorer, Refused, Slider, View

PNG = b"\x89PNG a picture"


class Doubling(Explorer):
    """Double a number, refuse 7, and break at 9."""

    def __init__(self):
        self.number = Slider("Number", 0, 10, value=3)
        super().__init__(self.number)

    def draw(self):
        if self.number.value == 7:
            raise Refused("seven is not doubled here")
        return View(
            PNG, f"twice {self.number.value}", str(2 * self.number.value // (9 - self.number.value))
        )


@pytest.fixture(autouse=True)
def as_for_a_learner(monkeypatch):
    monkeypatch.delenv("DIGITS_STRICT", raising=False)


def test_a_control_draws_anew():
    explorer = Doubling()
    assert (explorer.picture.png, explorer.picture.alt, explorer.picture.remark) == (
        PNG,
        "twice 3",
        "1",
    )
    explorer.number.value = 8
    assert (explorer.picture.alt, explorer.picture.remark, explorer.picture.fault) == (
        "twice 8",
        "16",
        "",
    )


def test_a_refusal_is_shown_and_never_raised(monkeypatch):
    monkeypatch.setenv("DIGITS_STRICT", "1")
    explorer = Doubling()
    explorer.number.value = 7
    assert explorer.picture.fault == "seven is not doubled here"
    explorer.number.value = 6
    assert explorer.picture.fault == ""


def test_program_error_is_shown_and_raised_only_in_tests(monkeypatch):
    explorer = Doubling()
    explorer.number.value = 9
    assert explorer.picture.fault.startswith("ZeroDivisionError: ")
    monkeypatch.setenv("DIGITS_STRICT", "1")
    with pytest.raises(ZeroDivisionError):
        explorer.redraw()


def test_slider_stays_within_limits_and_integers_stay_integers():
    slider = Slider("Size", 1, 5, value=9)
    assert slider.value == 5 and isinstance(slider.value, int)
    slider.value = -3
    assert slider.value == 1 and isinstance(slider.value, int)
    share = Slider("Share", 0, 1, value=0.25, step=0.05)
    assert share.value == 0.25


def test_a_choice_is_one_of_its_options():
    choice = Choice("Kind", {"bar": 1, "pie": 2})
    assert choice.value == "bar"
    with pytest.raises(traitlets.TraitError, match="expected one of bar, pie, got 'line'"):
        choice.value = "line"


def test_without_a_kernel_a_text_stands_in_its_place():
    assert repr(Doubling()) == "Doubling: run this cell to use it."


def test_last_picture_shows_the_last_change_despite_threads():
    drawing, go_on = threading.Event(), threading.Event()

    class Pair(Explorer):
        def __init__(self):
            self.numbers = [Slider("One", 0, 1, value=0), Slider("Other", 0, 1, value=0)]
            super().__init__(*self.numbers)

        def draw(self):
            told = "{} and {}".format(*(number.value for number in self.numbers))
            if told == "1 and 0":
                drawing.set()
                go_on.wait(60)
            return View(PNG, "two numbers", told)

    explorer = Pair()
    threads = [
        threading.Thread(target=number.set_trait, args=("value", 1)) for number in explorer.numbers
    ]
    threads[0].start()
    drawing.wait(60)
    threads[1].start()
    threads[1].join(0.3)  # in which a picture would be drawn if it did not wait for the first
    go_on.set()
    for thread in threads:
        thread.join()
    assert explorer.picture.remark == "1 and 1"
