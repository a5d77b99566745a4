"""What was recorded belongs to the recipes of today, adds up, and is as good as the course says."""

import keras
import numpy as np
import pytest
from packaging.tags import Tag

from benchmarks import (
    ablation,
    angles,
    augmentation,
    capstone,
    choices,
    records,
    rejection,
    shifts,
    speed,
)
from benchmarks.accuracy import MEASURED, SEEDS, describe, side_by_side, whole_recipe
from benchmarks.robustness import accuracies, errors_against_rival
from benchmarks.setup import download_bytes, slowest_files
from utils.training import RECIPES

ACCURACY = records.load("accuracy")["recipes"]
PROMISED = {
    "reference": 0.9955,
    "compact": 0.9965,
    "robust": 0.995,
    "tiny": 0.9945,
    "sample": 0.988,
    "ensemble": 0.9965,
}
MOST_PARAMETERS = {"reference": 93_322, "compact": 100_000, "tiny": 6_000, "ensemble": 500_000}
MOST_SECONDS = {"compact": 15 * 60, "ensemble": 60 * 60}


def test_every_recipe_has_a_current_record():
    recorded = {name: result["recipe"] for name, result in ACCURACY.items() if name != "ensemble"}
    assert recorded == {name: whole_recipe(name) for name in MEASURED}


@pytest.mark.parametrize("name", ACCURACY)
def test_the_recorded_mean_is_the_mean_of_its_runs(name):
    result = ACCURACY[name]
    accuracies = [run["test_accuracy"] for run in result["runs"]]
    assert len(accuracies) >= 5 or name == "ensemble"
    assert result["mean_test_accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-5)
    assert name == "ensemble" or result["standard_deviation"] == pytest.approx(
        np.std(accuracies, ddof=1), abs=1e-5
    )


@pytest.mark.parametrize("name", PROMISED)
def test_the_recorded_accuracy_is_what_the_course_promises(name):
    assert ACCURACY[name]["mean_test_accuracy"] >= PROMISED[name]


@pytest.mark.parametrize("name", MOST_PARAMETERS)
def test_the_networks_are_as_small_as_the_course_promises(name):
    assert ACCURACY[name]["recipe"]["parameters"] <= MOST_PARAMETERS[name]


@pytest.mark.parametrize("name", MOST_SECONDS)
def test_the_trainings_are_as_short_as_the_course_promises(name):
    assert max(run["seconds"] for run in ACCURACY[name]["runs"]) <= MOST_SECONDS[name]


@pytest.mark.parametrize(("name", "promised"), [("compact", 0.997), ("tiny", 0.995)])
def test_three_angles_save_errors_and_the_validation_digits_chose_them(name, promised):
    found = records.load("angles")["networks"][name]
    assert found["recipe"] == whole_recipe(name)
    assert found["angle"] == angles.ANGLES[angles.best(found["validation"])]
    assert found["saved"] == angles.saved(found["test"]) and found["saved"]["mean"] > 0
    assert 1 - np.mean(found["test"]["averaged"]["each"]) / 10_000 >= promised


def test_a_digit_is_read_at_each_of_its_angles():
    class Reader:
        def predict_batch(self, images):
            ink = images[:, 3, 14] > 0  # a bar stands upright here, and nowhere else
            return np.where(ink[:, np.newaxis], np.eye(10)[1], np.eye(10)[7])

    bar = np.zeros((1, 28, 28), "uint8")
    bar[0, 2:26, 13:15] = 255
    assert angles.errors([Reader()], bar, np.array([1]), 0) == {"each": [0], "together": 0}
    assert angles.errors([Reader()], bar, np.array([1]), 20) == {"each": [1], "together": 1}


def test_robust_refuses_few_digits_and_answers_few_letters():
    record = records.load("rejection")
    assert record["recipe"] == whole_recipe("robust")
    assert [run["seed"] for run in record["runs"]] == list(SEEDS)
    assert record["shares"] == rejection.summary(record["runs"])
    mean = {name: share["mean"] for name, share in record["shares"].items()}
    assert mean["handwriting_accuracy"] >= 0.99
    refused = [share for name, share in mean.items() if name.startswith("digits_refused")]
    assert len(refused) == 3 and max(refused) <= 0.005
    assert mean["others_answered: letters kept apart"] <= 0.25
    assert mean["others_answered: letters, marks, and scribbles"] <= 0.1


def test_fast_recipe_reaches_99_percent_30_times_sooner():
    record = records.load("speed")
    assert record["recipes"] == {
        "fast": {**describe(RECIPES["fast"]), "precision": "mixed_bfloat16"},
        "keras.io": {"epochs": speed.KERAS_IO_EPOCHS},
    }
    for name in speed.CONTENDERS:
        assert len(record[name]["runs"]) >= 10
        assert record[name]["mean_test_accuracy"] >= 0.99
    assert np.mean([run["validation_accuracy"] for run in record["fast"]["runs"]]) >= 0.99
    slow, fast = (
        np.array([run["seconds"] for run in record[name]["runs"]]) for name in ("keras.io", "fast")
    )
    assert record["ratio"] == pytest.approx(np.mean(slow / fast), abs=0.1)
    assert record["ratio"] >= 30


def test_fast_computes_in_bfloat16_but_its_softmax_in_float32():
    *layers, softmax = speed.BFLOAT16.build().layers
    assert {layer.compute_dtype for layer in layers[1:]} == {"bfloat16"}
    assert softmax.compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"  # for what's built next


def test_keras_io_epochs_were_chosen_on_validation():
    record = records.load("choices")
    means = np.mean(record["runs"], axis=0)
    np.testing.assert_allclose(means, record["mean_validation_accuracy"], atol=1e-5)
    assert speed.KERAS_IO_EPOCHS == record["first_epoch_at_99"] == 1 + np.argmax(means >= 0.99)
    assert len(record["runs"]) == len(choices.SEEDS)


def test_the_ablation_is_of_todays_recipe_and_complete():
    record = records.load("ablation")
    assert record["base"] == describe(ablation.BASE)
    assert set(record["changes"]) == set(ablation.CHANGES)
    for result in record["changes"].values():
        assert [run["seed"] for run in result["runs"]] == list(ablation.SEEDS)
        assert result["mean_errors"] == pytest.approx(
            np.mean([run["errors"] for run in result["runs"]]), abs=1e-5
        )


def test_the_record_of_shifts_is_of_todays_networks_and_adds_up():
    record = records.load("shifts")
    assert record["recipes"] == {n: describe(recipe) for n, recipe in shifts.NETWORKS.items()}
    assert record["pixels"] == shifts.PIXELS
    for runs in record["runs"].values():
        assert [run["seed"] for run in runs] == list(shifts.SEEDS)
    assert record["cnn_minus_dense"] == shifts.paired_differences(record["runs"])


def test_convolution_helps_under_a_shift_and_not_on_shuffled_pixels():
    record = records.load("shifts")
    mean, deviation = (record["cnn_minus_dense"][name] for name in ("mean", "standard_deviation"))
    assert all(gain > 0 for gain in mean["shifted"])
    assert mean["shifted"][4] > 0.2 > 5 * deviation["shifted"][4]
    assert mean["shuffled"] < 0
    neighbor = record["nearest neighbor"]
    assert neighbor["shuffled"] == neighbor["shifted"][0]


def test_digits_are_moved_in_four_directions():
    image = np.zeros((1, 28, 28), "uint8")
    image[0, 10, 20] = 1
    places = [tuple(np.argwhere(one[0])[0]) for one in shifts.moved(image, 6)]
    assert places == [(16, 20), (4, 20), (10, 26), (10, 14)]
    assert not np.any([*shifts.moved(image, 10)][2])  # it has left the image


def test_augmentation_was_measured_by_todays_recipes_and_for_every_seed():
    record, recipes = records.load("augmentation"), augmentation.MISSING
    assert record["recipes"] == {name: describe(recipe) for name, recipe in recipes.items()}
    for runs in record["runs"].values():
        assert [run["seed"] for run in runs] == list(SEEDS)


def test_recorded_latency_is_a_fraction_of_keras():
    assert records.load("latency")["rows"]["DigitReader, ONNX"]["times_faster"] >= 200


def test_a_drawing_and_a_photo_are_read_in_a_moment():
    pictures = records.load("latency")["pictures"]
    assert pictures["drawing, 280 x 280"]["p50_ms"] <= 5
    assert pictures["JPEG photo, 12 megapixels"]["p50_ms"] <= 200


def test_the_robust_reader_bears_what_the_course_promises():
    models = records.load("robustness")["models"]
    robust = accuracies(models["robust"])
    assert robust["clean test set"] >= 0.995
    assert robust["mean, all"] >= 0.95 and robust["mean, withheld"] >= 0.90
    errors = errors_against_rival(models["robust"], models["keras.io"])
    assert errors == models["robust"]["errors_against_keras_io"]
    # The aim is a third. The last epochs, of light augmentation, cost a little of it.
    assert max(errors["mean, all"], errors["mean, trained"], errors["mean, withheld"]) <= 0.36
    assert errors["load_digits"] <= 0.4


def test_recipe_does_as_well_from_kaggle_files_as_from_mnist():
    """A tenth of a point is left to it, since it learns from 37,800 digits there, and not from 54,000."""
    record = records.load("capstone")
    runs = record["runs"]
    assert record["recipe"] == describe(RECIPES["compact"])
    assert [run["seed"] for run in runs] == list(capstone.SEEDS) and not any(
        run["overlap"] for run in runs
    )
    assert record["mean_test_accuracy"] == pytest.approx(
        np.mean([run["test_accuracy"] for run in runs]), abs=1e-5
    )
    assert record["mean_test_accuracy"] >= PROMISED["compact"] - 0.001


def test_kaggles_file_is_read_nearly_as_fast_as_any_reader_can():
    record = records.load("csv_reading")
    assert (record["rows"], record["columns"]) == (42_000, 785)
    assert record["ratio"] <= 2 and record["readers"]["read_kaggle_csv"]["peak_mb"] <= 600


def test_jobs_that_run_side_by_side_all_come_back(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # so that it is as before afterwards
    jobs = [(7, 3), (9, 2), (8, 4)]
    assert dict(side_by_side(divmod, jobs)) == {job: divmod(*job) for job in jobs}


def test_download_counts_the_best_wheel_of_each_package():
    sizes = {"cp312-cp312-linux_x86_64": 1, "cp311-cp311-linux_x86_64": 20, "py3-none-any": 300}
    wheels = [{"url": f"a/b-1.0-{tag}.whl", "size": size} for tag, size in sizes.items()]
    tags = [Tag("cp311", "cp311", "linux_x86_64"), Tag("py3", "none", "any")]
    packages = [
        {"wheels": wheels},
        {"wheels": wheels[2:]},
        {"wheels": wheels[:1], "sdist": {"size": 4000}},
    ]
    assert download_bytes({"packages": packages}, tags) == 20 + 300 + 4000


def test_the_slowest_files_are_summed_over_their_tests():
    cases = [("a.py", 1), ("b.ipynb", 2.5), ("a.py", 3)] + [
        (f"{number}.py", 0.1) for number in range(20)
    ]
    lines = "".join(f'<testcase file="{name}" time="{taken}"/>' for name, taken in cases)
    slowest = slowest_files(f"<testsuites><testsuite>{lines}</testsuite></testsuites>")
    assert list(slowest.items())[:2] == [("a.py", 4.0), ("b.ipynb", 2.5)] and len(slowest) == 10


def test_a_record_names_the_tensorflow_it_was_measured_with():
    machine = records.machine()
    assert {"tensorflow", "tensorflow-cpu"} & set(machine) and machine["keras"]
