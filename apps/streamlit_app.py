"""Read digits in a data app: draw one or upload many, see the steps and the probabilities, download the results.

`make streamlit` starts it. The environment variable MODEL names the model to start with.
"""

import os
import re

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image, ImageOps
from streamlit_drawable_canvas import st_canvas

from apps.models import fingerprint
from apps.untrusted import checked
from utils.photos import UnreadableImage, mnist_steps
from utils.prediction import MODELS, DigitReader, Prediction, UnreadableModel

PAD, PEN = 280, 20  # pixels: relative to the digit, the pen is as wide as those in MNIST
MOST = 100  # pictures at a time
TILE = 112  # pixels on each side of a step's picture
JOINER = (
    "\u2060"  # invisible: it parts the letters of an address, of which Streamlit would make a link
)
INKS = {"auto": "automatic", "dark": "darker than the paper", "light": "lighter than the paper"}


def main():
    """Lay out the page."""
    st.set_page_config("Handwritten digits")
    st.title("Read handwritten digits")
    model = choose_model()
    draw, upload = st.tabs(["Draw", "Upload"])
    with draw:
        read_drawing(model)
    with upload:
        read_uploads(model)


def choose_model() -> str:
    """Ask for a model in the sidebar; if it can't be used, show why and stop."""
    names = sorted(path.stem for path in MODELS.glob("*.onnx"))
    preset = os.environ.get("MODEL") or "robust"
    names = names if preset in names else [preset, *names]
    model = st.sidebar.selectbox("Model", names, index=names.index(preset))
    try:
        open_reader(model)
    except (FileNotFoundError, UnreadableModel) as fault:
        st.error(plain(str(fault)))
        st.stop()
    return model


def open_reader(model: str) -> DigitReader:
    """Open a model once, for all visitors, and again after its file has changed: threads may share a reader."""
    return _open_reader(model, fingerprint(model))


@st.cache_resource(show_spinner=False, max_entries=10)
def _open_reader(model: str, state: str) -> DigitReader:
    return DigitReader(model)


def read(model: str, picture: bytes, ink: str = "auto") -> Prediction:
    """Read a picture only once, although Streamlit runs this whole file again at each click."""
    return _read(model, fingerprint(model), picture, ink)


@st.cache_data(show_spinner=False, max_entries=1000)
def _read(model: str, state: str, picture: bytes, ink: str) -> Prediction:
    return _open_reader(model, state).read(checked(picture), ink)


def read_drawing(model: str):
    """Show the pad, and the digit that is read on it."""
    st.write("Draw one digit:")
    pad = st_canvas(
        stroke_width=PEN,
        background_color="white",
        width=PAD,
        height=PAD,
        return_image_data=True,
        key="pad",
    )
    st.caption("With the mouse, a pen or a finger. Without these, upload a picture.")
    if pad.image_bytes:
        show(read(model, pad.image_bytes, "dark"), pad.image_bytes, "dark")


def read_uploads(model: str):
    """Show a table of the uploaded pictures and their digits, and one of them in detail."""
    files = st.file_uploader("Pictures, with one digit each", accept_multiple_files=True)
    ink = st.radio("Ink", INKS, format_func=INKS.get, horizontal=True)
    if len(files) > MOST:
        st.error(
            f"Expected at most {MOST} pictures at a time, got {len(files)}: remove some of them."
        )
        return
    if not files:
        return
    readings = [try_to_read(model, file, ink) for file in files]
    table = pd.DataFrame([row(file.name, seen) for file, seen in zip(files, readings, strict=True)])
    table["digit"] = table["digit"].astype("Int64")  # whole numbers, with gaps for no digit
    shown = ["name", "digit", "confidence", "reason"]
    st.dataframe(table, hide_index=True, column_order=shown, alt="What was read in each picture")
    st.download_button(
        "Download the results as CSV", table.to_csv(index=False), "digits.csv", "text/csv"
    )
    chosen = st.selectbox(
        "Look at", range(len(files)), format_func=lambda number: files[number].name
    )
    show(readings[chosen], files[chosen].getvalue(), ink)


def try_to_read(model: str, file, ink: str) -> Prediction:
    """Read an uploaded file; if it isn't a picture, show why and return a prediction without a digit."""
    try:
        return read(model, file.getvalue(), ink)
    except UnreadableImage as fault:
        st.error(plain(f"{file.name}: {fault}"))
        return Prediction(None, 0.0, np.full(10, 0.1, "float32"), reason=str(fault))


def row(name: str, seen: Prediction) -> dict:
    """Return a prediction as a row of the table."""
    probabilities = {
        f"p{digit}": round(float(value), 4) for digit, value in enumerate(seen.probabilities)
    }
    return {
        "name": no_formula(name),
        "digit": seen.digit,
        "confidence": round(seen.confidence, 4),
        **probabilities,
        "no_digit": round(seen.no_digit, 4),
        "reason": no_formula(seen.reason),
    }


def show(seen: Prediction, picture: bytes, ink: str = "auto"):
    """Show a prediction, its probabilities, and the steps that turned the picture into MNIST's form."""
    if seen.digit is None:
        st.info(plain(f"No digit: {seen.reason}."))
        return
    st.subheader(f"A {seen.digit}, {seen.confidence:.1%} sure")
    listed = ", ".join(f"{digit}: {value:.1%}" for digit, value in enumerate(seen.probabilities))
    st.altair_chart(
        probability_bars(seen.probabilities), alt=f"The probability of each digit: {listed}"
    )
    st.write("What becomes of the picture, step by step; the network sees the last one:")
    steps = mnist_steps(picture, ink)
    names = [name.replace("_", " ") for name in steps]
    st.image(
        [tile(step) for step in steps.values()],
        names,
        width=TILE,
        alt=[f"After: {name}" for name in names],
    )


def probability_bars(probabilities: np.ndarray) -> alt.Chart:
    """Return ten probabilities as horizontal bars, on an axis that always ends at 1."""
    bars = pd.DataFrame({"digit": range(10), "probability": probabilities})
    length = alt.X("probability", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    return (
        alt.Chart(bars, height=320)
        .mark_bar()
        .encode(length, alt.Y("digit:O", axis=alt.Axis(labelOverlap=False)))
    )


def tile(step: np.ndarray) -> Image.Image:
    """Return a step's gray levels as a framed picture on a transparent tile, with its pixels visible."""
    image = Image.fromarray(step.astype("uint8"))
    room = TILE - 10, TILE - 10
    resample = Image.Resampling.NEAREST if max(image.size) < TILE else Image.Resampling.BOX
    picture = ImageOps.expand(ImageOps.contain(image, room, resample), border=1, fill=128)
    sheet = Image.new("LA", (TILE, TILE))
    sheet.paste(picture, ((TILE - picture.width) // 2, (TILE - picture.height) // 2))
    return sheet


def plain(text: str) -> str:
    """Escape what Streamlit would take for markup, so that a file's name shows as it is, and in one line."""
    escaped = re.sub(r"([^\w\s.,]|_|\.(?=\s))", rf"\\\1{JOINER}", " ".join(text.split()))
    return re.sub("(?i)w(?=ww)", rf"\g<0>{JOINER}", escaped)


def no_formula(text: str) -> str:
    """Return a text for a cell of a spreadsheet, which would work out what begins like a formula."""
    return f"'{text}" if re.match(r"\s*[=+\-@]|[\t\r\n]", text) else text


if __name__ == "__main__":
    main()
