"""The engines cost little: what `python -m benchmarks.scaling` measures, and keeps, on a quiet machine."""

import pytest

from benchmarks import records, scaling


@pytest.mark.long
def test_a_million_digits_are_read_at_little_cost_and_what_a_step_costs_is_kept():
    scaling.main()
    record = records.load("scaling")
    reading = record["reading"]
    assert reading["digits"] == 1_000_000
    assert reading["ratio"] >= 0.85
    assert reading["peak_memory_mb"] <= 1000
    assert set(reading["microseconds_per_digit"]) == {"10000", "100000", "1000000"}
    assert reading["largest_over_smallest_cost"] <= 1.15
    for steps in record["training"]["batches"].values():
        for parts in steps["milliseconds"].values():
            assert parts["compute"] > 0 and parts["exchange"] > 0
