"""A sweep completes as many trials as were asked for, and loses at most those that ran when something broke."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from apps.cli.search import RecipeObjective, database_url, shown, suggest
from apps.scaling import sweep as module
from apps.scaling.sweep import FINISHED, open_study, queued, requeue, sweep

# pytest has filters of its own for warnings.
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

SPACE = {"x": (0.0, 1.0), "steps": (1, 4), "rate": (1e-4, 1e-1, "log"), "batch": [32, 64]}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/sweep.db"


def objective(trial):
    """Stand for a training of three epochs."""
    chosen = suggest(trial, SPACE)
    for epoch in range(3):
        trial.report(chosen["x"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return chosen["x"]


def states(study):
    """Return the states of all trials."""
    return [trial.state for trial in study.trials]


def test_killed_worker_costs_one_trial_tried_again(url):
    def dies_once(trial):
        chosen = objective(trial)
        if trial.number == 2:  # the next attempt gets another number
            os.kill(os.getpid(), signal.SIGKILL)
        return chosen

    told = []
    study = sweep(dies_once, url, trials=6, on_trial=lambda study, trial: told.append(trial))
    assert len(queued(study, *FINISHED)) == 6
    (lost,) = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    (again,) = [trial for trial in study.trials if "retry_history" in trial.system_attrs]
    assert lost.number == 2 and again.params == lost.params and again.state in FINISHED
    assert sorted(trial.number for trial in told) == [trial.number for trial in study.trials]
    assert sweep(dies_once, url, trials=6).trials == study.trials, "a finished sweep stays as it is"


def test_two_sweeps_at_once_share_the_trials(url, in_process):
    open_study(url)
    with ThreadPoolExecutor(2) as pool:
        studies = list(pool.map(lambda trials: sweep(objective, url, trials=trials), [12, 12]))
    for study in studies:
        assert len(queued(study, *FINISHED)) == 12
    assert TrialState.FAIL not in states(study)


def test_no_two_workers_take_the_same_trial(url):
    study = open_study(url)
    for _ in range(30):
        study.enqueue_trial({})
    with ThreadPoolExecutor(3) as pool:
        asked = list(pool.map(lambda _: open_study(url).ask().number, range(30)))
    assert sorted(asked) == list(range(30))


def test_trial_that_was_not_asked_for_does_not_count(url, in_process):
    study = sweep(objective, url, trials=2)
    for _ in range(2):  # as if another host had asked for more
        study.enqueue_trial({}, user_attrs={"queued": True})
    study = sweep(objective, url, trials=3)
    assert [trial.number for trial in queued(study, *FINISHED)] == [0, 1, 2]
    module._try_one(objective, url, "digits", 3, 0, "a late task")
    assert states(study)[3] == TrialState.PRUNED and not study.trials[3].user_attrs["queued"]
    module._try_one(objective, url, "digits", 3, 0, "a task too many")
    assert len(study.trials) == 4 and len(queued(study)) == 3


def test_more_trials_can_be_asked_for(url, in_process):
    first = [trial.params for trial in sweep(objective, url, trials=2).trials]
    study = sweep(objective, url, trials=5, workers=1)
    assert [trial.number for trial in queued(study, *FINISHED)] == list(range(5))
    params = [trial.params for trial in study.trials]
    assert params[:2] == first and len({trial["x"] for trial in params}) == 5


def test_interrupted_sweep_goes_on_at_once(url, request):
    def interrupt(study, trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(objective, url, trials=4, workers=1, on_trial=interrupt)
    study = open_study(url)
    assert TrialState.RUNNING not in states(study)
    request.getfixturevalue("in_process")
    sweep(objective, url, trials=4)
    assert len(queued(study, *FINISHED)) == 4


@pytest.mark.parametrize("signs", [{"task": "of a killed sweep"}, {}], ids=["signed", "unsigned"])
def test_trial_of_a_silent_worker_is_tried_again(signs, url, in_process):
    study = open_study(url)
    study.enqueue_trial({"x": 0.25}, user_attrs={"queued": True, **signs})
    study.set_user_attr("search", {"seed": 0})
    study.ask()  # and dies in this very moment
    long_ago = sqlalchemy.text("UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'")
    with sqlalchemy.create_engine(url).begin() as connection:
        connection.execute(long_ago)
    study = sweep(objective, url, trials=1)
    assert states(study) == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[1].params["x"] == 0.25


def test_worker_goes_on_if_its_trial_was_given_away(url, in_process):
    def fell_silent(trial):
        if trial.number == 0:
            requeue(open_study(url), [trial.user_attrs["task"]])
        return objective(trial)

    study = sweep(fell_silent, url, trials=2)
    assert len(queued(study, *FINISHED)) == 2 and states(study)[0] == TrialState.FAIL


def test_another_search_in_the_study_is_refused(url, in_process):
    class Search:
        def describe(self):
            return {"recipe": "fast"}

        def __call__(self, trial):
            return objective(trial)

    sweep(Search(), url, trials=1)
    with pytest.raises(ValueError, match="with seed 0, but now it is 1"):
        sweep(Search(), url, trials=2, seed=1)
    with pytest.raises(ValueError, match="with recipe fast, but now it is None"):
        sweep(objective, url, trials=2)
    assert len(open_study(url).trials) == 1


def test_recipe_objective_tells_what_it_searches(digits):
    one = RecipeObjective("fast", *digits).describe()
    other = RecipeObjective("fast", digits[0], digits[0]).describe()
    assert one["recipe"] == "fast" and one["space"]["batch_size"] == [32, 64, 128]
    assert one["data_sha256"] != other["data_sha256"]


@pytest.mark.parametrize("small_disk", [400_000], indirect=True)
def test_full_disk_is_an_error_and_the_study_goes_on(small_disk, request):
    url, ballast = f"sqlite:///{small_disk}/sweep.db", small_disk / "ballast"
    open_study(url)
    ballast.write_bytes(bytes(180_000))

    def wordy(trial):
        trial.set_user_attr("words", "x" * 40_000)
        return 1.0

    with pytest.raises(OSError, match=r"No space left on device: '.*sweep.db'|disk I/O error"):
        sweep(wordy, url, trials=9, workers=1)
    ballast.unlink()
    request.getfixturevalue("in_process")
    assert len(queued(sweep(objective, url, trials=3), *FINISHED)) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [(KeyError("no such layer"), "KeyError: 'no such layer'"), (ValueError("odd"), "odd")],
)
def test_objective_that_fails_ends_the_sweep(fault, words, url, in_process):
    def fails(trial):
        raise fault

    with pytest.raises((RuntimeError, ValueError), match=words):
        sweep(fails, url, trials=3)


def test_objective_must_return_a_number(url, in_process):
    with pytest.raises(ValueError, match="trial 0: expected a number from the objective"):
        sweep(lambda trial: None, url, trials=3)


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/sweep.db", "nothing://host/x"])
def test_database_that_does_not_answer_is_named(url):
    with pytest.raises(ConnectionError, match="the database of the sweep can't be used"):
        open_study(url)


def test_what_optuna_calls_experimental_is_used_in_silence(url):
    code = (
        "import sys; from apps.scaling.sweep import sweep; "
        "sweep(lambda trial: trial.suggest_float('x', 0, 1), sys.argv[1], trials=1)"
    )
    ran = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert states(open_study(url)) == [TrialState.COMPLETE]


@pytest.mark.parametrize("counts", [{"workers": 0}, {"trials": 0}])
def test_nothing_to_do_is_refused(counts, url):
    with pytest.raises(ValueError, match="at least one"):
        sweep(objective, url, **counts)


def test_file_becomes_a_database_and_an_address_stays(tmp_path):
    assert database_url(tmp_path / "new" / "a.db") == f"sqlite:///{tmp_path}/new/a.db"
    assert (tmp_path / "new").is_dir()
    address = "postgresql://user:secret@host/studies"
    assert database_url(address) == address and "secret" not in shown(address)
    for name in ("a.db", "a[1]*.db", "what?uri=true.db", "50%41#.db"):
        assert shown(database_url(tmp_path / name)) == str(tmp_path / name)


def test_database_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError, match=r"a\.db"):
        database_url(tmp_path / "a.db")


def test_old_journal_and_forgotten_colon_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.journal").write_text('{"op_code": 0}\n')
    with pytest.raises(ValueError, match="journal of an older sweep"):
        database_url(tmp_path / "sweep.journal")
    for address in (
        "postgresql//user:secret@host/x",
        "postgresql:/user:secret@host/x",
        "postgresql:user:secret@host/x",
        "postgresql/user:secret@host/x",
        "postgresql/host/x",
        "MySQL/host/x",
        "postgresql+psycopg/host/x",
        "user:secret@host/x",
        "user@host/x",
        "sqlite:sweep.db",
        "://user:secret@host/x",
        "postgresql://user:secret@host:secret/x",
        Path("postgresql:user:secret@host/x"),
    ):
        with pytest.raises(ValueError, match="expected a file like") as refused:
            database_url(address)
        assert "sec" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.journal"]


@pytest.mark.parametrize("name", ["user@host/a.db", "a:b/c.db", "postgresql/a.db", "a@b.db"])
def test_a_file_that_looks_like_an_address_needs_its_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for storage in (f"./{name}", tmp_path / name):
        assert shown(database_url(storage)) == str(tmp_path / name)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:secret@host/studies",
        "postgresql://host/studies?user=me&password=secret",
        "sqlite://user:secret@host/x",
        "nothing://user:secret@host/x",
    ],
)
def test_the_password_of_a_database_is_never_shown(address, monkeypatch):
    def refuse(*_, **__):
        raise sqlalchemy.exc.OperationalError("", {}, Exception(f"no entry: secret, {address}"))

    assert "secret" not in shown(address)
    monkeypatch.setattr("apps.scaling.sweep.Storage", refuse)
    with pytest.raises(ConnectionError, match=r"can't be used: .*no entry") as refused:
        open_study(address)
    assert "secret" not in str(refused.value)


def test_space_gives_ranges_powers_and_choices():
    for number in range(20):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number)).ask()
        chosen = suggest(trial, SPACE)
        assert 0 <= chosen["x"] <= 1 and chosen["batch"] in (32, 64)
        assert isinstance(chosen["steps"], int) and 1 <= chosen["steps"] <= 4
        assert 1e-4 <= chosen["rate"] <= 1e-1 and trial.distributions["rate"].log


@pytest.mark.long
def test_recipes_are_tried_and_the_median_prunes(digits, url):
    space = {"max_lr": (1e-5, 3e-2, "log"), "batch_size": [32, 64]}
    changes = {"epochs": 3, "build": "softmax_regression"}
    study = sweep(RecipeObjective("fast", *digits, space, changes), url, trials=10)
    assert len(queued(study, *FINISHED)) == 10 and queued(study, TrialState.PRUNED)
    assert set(study.best_params) == set(space) and study.best_value > 0.6


@pytest.mark.long
def test_workers_that_die_again_and_again_end_the_sweep(url):
    def dies(trial):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match="worker after worker"):
        sweep(dies, url, trials=3, workers=1)
