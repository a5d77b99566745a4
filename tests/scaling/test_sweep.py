"""A sweep loses at most the trial that ran when something broke, and goes on where it was."""

import itertools
import os
import signal
import time

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from apps.scaling.sweep import (
    FINISHED,
    Journal,
    RecipeObjective,
    open_study,
    queue_again,
    suggest,
    sweep,
)
from apps.scaling.workers import WorkerLost

SPACE = {"x": (0.0, 1.0), "steps": (1, 4), "rate": (1e-4, 1e-1, "log"), "batch": [32, 64]}


def objective(trial):
    """Stand for a training of a third of a second."""
    chosen = suggest(trial, SPACE)
    for epoch in range(3):
        time.sleep(0.1)
        trial.report(chosen["x"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return chosen["x"]


def of_state(study, *states):
    """Return the trials in one of these states."""
    return study.get_trials(states=states)


@pytest.mark.parametrize("database", [False, True], ids=["journal", "database"])
def test_a_killed_worker_costs_one_trial_which_is_tried_again(database, tmp_path, events):
    storage = f"sqlite:///{tmp_path}/sweep.db" if database else tmp_path / "sweep.journal"

    def dies_once(trial):
        if trial.number == 2:  # what is tried again gets another number
            suggest(trial, SPACE)
            os.kill(os.getpid(), signal.SIGKILL)
        return objective(trial)

    study = sweep(dies_once, storage, trials=6, on_event=events.append)
    assert len(of_state(study, *FINISHED)) == 6
    (lost,) = of_state(study, TrialState.FAIL)
    assert lost.number == 2 and [event["trials"] for event in events.of("lost")] == [[2]]
    assert "SIGKILL" in events.of("lost")[0]["reason"]
    (again,) = [trial for trial in study.trials if trial.user_attrs.get("retry_of") == 2]
    assert again.params == lost.params and again.state in FINISHED
    assert study.best_value == max(event["best"] for event in events.of("trial"))
    assert sweep(dies_once, storage, trials=6).trials == study.trials, (
        "a finished sweep is left as it is"
    )


class Together:
    """Stand for a training; two workers that may begin one more trial begin it at the same moment."""

    def __init__(self, folder):
        self.folder = folder

    def __setstate__(
        self, state
    ):  # in the worker, which receives the objective before anything else
        self.folder, self.turns, optimize = (
            state["folder"],
            itertools.count(),
            optuna.Study.optimize,
        )

        def at_once(*arguments, **options):
            self.wait_for_the_other(next(self.turns))
            return optimize(*arguments, **options)

        optuna.Study.optimize = at_once

    def wait_for_the_other(self, turn):
        """Wait until the other worker is here too, or has ended."""
        (self.folder / f"{turn}.{os.getpid()}").touch()
        while len(list(self.folder.glob(f"{turn}.*"))) < 2:
            workers = [int(path.suffix[1:]) for path in self.folder.glob("0.*")]
            if len(workers) == 2 and not all(map(psutil.pid_exists, workers)):
                return
            time.sleep(0.01)

    def __call__(self, trial):
        return suggest(trial, SPACE)["x"]


@pytest.mark.parametrize("database", [False, True], ids=["journal", "database"])
def test_two_workers_do_not_both_begin_the_last_trial(database, tmp_path):
    storage = f"sqlite:///{tmp_path}/sweep.db" if database else tmp_path / "sweep.journal"
    study = sweep(Together(tmp_path), storage, trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3


def test_a_sweep_that_was_ended_goes_on(tmp_path, events):
    storage = tmp_path / "sweep.journal"
    study = open_study(storage)
    dead, alive = study.ask(), study.ask()
    suggest(dead, SPACE)
    host = os.uname().nodename
    dead.set_user_attr(
        "worker", [host, os.getpid(), psutil.Process().create_time() - 100]
    )  # our number, used before
    alive.set_user_attr("worker", [host, os.getpid(), psutil.Process().create_time()])
    assert queue_again(study, one_host=True) == [0]
    study.tell(alive, 0.5)
    study = sweep(objective, storage, trials=2, workers=1, on_event=events.append)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, *[TrialState.COMPLETE] * 2]
    assert study.trials[2].params == dead.params


def test_whose_worker_may_live_is_left_alone(tmp_path):
    study = open_study(tmp_path / "sweep.journal")
    study.ask().set_user_attr("worker", ["elsewhere", 1, 0.0])
    study.ask()  # it has begun, and has not signed yet
    assert queue_again(study, one_host=False) == []
    assert queue_again(study, one_host=True) == [0], "with a journal there is no elsewhere"


def test_half_a_line_of_a_killed_writer_spoils_no_journal(tmp_path):
    path = tmp_path / "sweep.journal"
    study = open_study(path)
    study.enqueue_trial({"x": 0.25})
    with open(path, "ab") as file:
        file.write(b'{"op_code": 4, "worker_')
    study = open_study(path)
    study.enqueue_trial({"x": 0.75})
    assert [trial.system_attrs["fixed_params"]["x"] for trial in open_study(path).trials] == [
        0.25,
        0.75,
    ]
    assert path.read_bytes().endswith(b"\n")


def test_the_lock_of_a_killed_writer_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr("apps.scaling.sweep.LOCK_GRACE", 3)
    Journal(str(tmp_path / "sweep.journal")).lock.acquire()
    start = time.monotonic()
    open_study(tmp_path / "sweep.journal")
    assert time.monotonic() - start < 60


def test_a_full_disk_is_an_error_and_the_study_goes_on_when_there_is_room(small_disk):
    storage, ballast = small_disk / "sweep.journal", small_disk / "ballast"
    open_study(storage)
    ballast.write_bytes(bytes(56 * 1024))

    def wordy(trial):
        trial.set_user_attr("words", "x" * 20_000)
        return 1.0

    with pytest.raises(OSError, match=r"space|large"):
        sweep(wordy, storage, trials=9, workers=1)
    ballast.unlink()
    assert len(of_state(sweep(objective, storage, trials=1, workers=1), *FINISHED)) == 1


def test_an_objective_that_fails_ends_the_sweep_with_its_words(tmp_path):
    def fails(trial):
        raise KeyError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        sweep(fails, tmp_path / "sweep.journal", trials=3, workers=1)


def test_a_database_that_does_not_answer_is_named():
    with pytest.raises(ConnectionError, match="database of the sweep"):
        open_study("sqlite:////no/such/folder/sweep.db")


@pytest.mark.parametrize("counts", [{"workers": 0}, {"trials": 0}])
def test_nothing_to_do_is_refused(counts, tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        sweep(objective, tmp_path / "sweep.journal", **counts)


def test_a_space_gives_ranges_powers_and_choices():
    for number in range(20):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number)).ask()
        chosen = suggest(trial, SPACE)
        assert (
            0 <= chosen["x"] <= 1 and chosen["batch"] in (32, 64) and 1e-4 <= chosen["rate"] <= 1e-1
        )
        assert isinstance(chosen["steps"], int) and 1 <= chosen["steps"] <= 4
        assert trial.distributions["rate"].log


@pytest.mark.long
def test_recipes_are_tried_and_the_median_prunes(digits, tmp_path):
    space = {"max_lr": (1e-5, 3e-2, "log"), "batch_size": [32, 64]}
    changes = {"epochs": 3, "build": "softmax_regression"}
    study = sweep(
        RecipeObjective("fast", *digits, space, changes), tmp_path / "sweep.journal", trials=10
    )
    assert len(of_state(study, *FINISHED)) == 10 and of_state(study, TrialState.PRUNED)
    assert set(study.best_params) == set(space) and study.best_value > 0.6


@pytest.mark.long
def test_workers_that_die_again_and_again_end_the_sweep(tmp_path):
    def dies(trial):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerLost, match="after 2 restarts"):
        sweep(dies, tmp_path / "sweep.journal", trials=3, workers=1, restarts=2)
