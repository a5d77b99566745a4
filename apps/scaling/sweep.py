"""Search for good hyper-parameters on several processes or hosts, with Optuna: they share a study, and nothing else.

On one host the study is a journal file; for many it is a database that all of them reach. Both survive their workers.
"""

import contextlib
import datetime
import os
import socket
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import optuna
import psutil
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from apps.scaling.workers import Crew, WorkerLost, how_it_ended

FINISHED = TrialState.COMPLETE, TrialState.PRUNED
# A tuple is a range (with "log": of powers), a list is a choice: the names are those of a Recipe's parts.
SPACE = {
    "max_lr": (1e-4, 3e-2, "log"),
    "batch_size": [32, 64, 128],
    "label_smoothing": (0.0, 0.2),
}
HEARTBEAT, GRACE = (
    10,
    60,
)  # seconds: how often a worker signs a database, and after what silence it counts as dead
LOCK_GRACE = 10  # seconds after which the lock of a worker that died while writing is broken


class Journal(JournalFileBackend):
    """Write a study's journal, one line for each fact, and first cut off the half line of a writer that was killed."""

    def __init__(self, path: str):
        self.path, self.lock = path, JournalFileOpenLock(path, grace_period=LOCK_GRACE)
        super().__init__(path, self.lock)

    def append_logs(self, logs: list[dict]) -> None:
        """Append facts to the journal."""
        with self.locked(), open(self.path, "rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if size and file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        super().append_logs(logs)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out."""
        self.lock.acquire()
        try:
            yield
        finally:
            self.lock.release()


def open_storage(storage: str | Path) -> optuna.storages.BaseStorage:
    """Open what holds studies: a journal file of this host, or the database that a URL names.

    Raises ConnectionError where no database answers, OSError where the file cannot be written.
    """
    if not _is_database(storage):
        Path(storage).parent.mkdir(parents=True, exist_ok=True)
        return optuna.storages.JournalStorage(Journal(str(storage)))
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings(
            action="ignore", category=optuna.exceptions.ExperimentalWarning
        ):
            retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=2)
            return optuna.storages.RDBStorage(
                str(storage),
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=retry,
            )
    except (SQLAlchemyError, ImportError, ValueError) as fault:
        reason = str(fault).splitlines()[0]
        raise ConnectionError(f"the database of the sweep cannot be used: {reason}") from fault


def open_study(storage: str | Path, study_name: str = "digits", seed: int = 0) -> optuna.Study:
    """Open a study, or begin it; the higher its objective the better.

    A trial that is worse than the median of the others at the same age is pruned, once four have finished. Workers that
    share a study need seeds of their own, lest they try the same.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        storage=open_storage(storage),
        study_name=study_name,
        sampler=_sampler(seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        direction="maximize",
        load_if_exists=True,
    )


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        return optuna.samplers.TPESampler(
            seed=seed, constant_liar=True
        )  # which keeps away from what is running


def sweep(
    objective: Callable[[optuna.Trial], float],
    storage: str | Path,
    study_name: str = "digits",
    trials: int = 20,
    workers: int = 2,
    seed: int = 0,
    restarts: int = 3,
    timeout: float = 3600,
    on_event: Callable[[dict], None] | None = None,
) -> optuna.Study:
    """Try `objective(trial)` until the study has so many finished trials, on several processes, and return the study.

    Hosts that give the same database URL and name work on the same study, and stop together. When it is started again,
    it goes on. A worker that dies loses its running trial, which is queued again, and is replaced, at most `restarts`
    times; a sweep in which no trial ends for `timeout` seconds is given up.
    Raises WorkerLost beyond that, ConnectionError where no database answers, OSError where the disk is full.
    """
    if workers < 1 or trials < 1:
        raise ValueError(f"expected at least one worker and one trial, got {workers} and {trials}")
    on_event = on_event or (lambda event: None)
    study = open_study(storage, study_name, seed)
    task = partial(_work, objective, str(storage), study_name, trials, seed)
    lost = 0
    while finished(study) < trials:
        one_host = not _is_database(storage)
        queue_again(study, one_host)
        wanted = trials - finished(study) - len(study.get_trials(states=(TrialState.RUNNING,)))
        if wanted < 1:  # other hosts work on the last ones
            time.sleep(1)
            continue
        with (
            tempfile.TemporaryDirectory(prefix="digits-sweep-") as tickets,
            Crew(partial(task, tickets, wanted), range(min(workers, wanted))) as crew,
        ):
            on_event({"event": "started", "pids": crew.pids()})
            for event in crew.events(timeout):
                if event["event"] == "begun":
                    on_event(event)
                elif event["event"] == "trial":
                    on_event({**event, **state_of(study), "trials": trials})
                    if finished(study) >= trials and not study.get_trials(
                        deepcopy=False, states=(TrialState.RUNNING,)
                    ):
                        break  # without waiting for a worker that has only just been started
                elif event["event"] == "ended" and event["code"]:
                    lost += 1
                    fault = f"worker {event['rank']} was lost ({how_it_ended(event['code'])})"
                    queued = queue_again(study, one_host)
                    for ticket in list(Path(tickets).iterdir())[: len(queued)]:
                        ticket.rmdir()  # the trial that is tried again may use it
                    on_event({"event": "lost", "reason": fault, "trials": queued})
                    if lost > restarts:
                        raise WorkerLost(
                            f"{fault}, after {restarts} restarts. The study keeps what was finished"
                        )
                    crew.start(max(crew.processes) + 1)
                    on_event({"event": "started", "pids": crew.pids()})
    on_event({"event": "finished"})
    return study


def finished(study: optuna.Study) -> int:
    """Return how many trials came to an end, be it by pruning."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def state_of(study: optuna.Study) -> dict:
    """Return how many trials are finished and pruned, and the best value so far, or None."""
    ended = study.get_trials(deepcopy=False, states=FINISHED)
    whole = [trial.value for trial in ended if trial.state == TrialState.COMPLETE]
    return {
        "finished": len(ended),
        "pruned": len(ended) - len(whole),
        "best": max(whole, default=None),
    }


def queue_again(study: optuna.Study, one_host: bool) -> list[int]:
    """Fail the running trials whose workers are dead, queue their parameters again, and return their numbers.

    Of other hosts' workers only a database knows that they are dead, by their heartbeat; a journal has no other hosts.
    """
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        optuna.storages.fail_stale_trials(study)
    orphans = [
        trial
        for trial in study.get_trials(states=(TrialState.RUNNING,))
        if _is_orphan(trial, one_host)
    ]
    for trial in orphans:
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={"retry_of": trial.number})
    return [trial.number for trial in orphans]


def _is_orphan(trial: optuna.trial.FrozenTrial, one_host: bool) -> bool:
    if "worker" not in trial.user_attrs:  # it has just begun, or its worker died then
        return one_host and (datetime.datetime.now() - trial.datetime_start).total_seconds() > GRACE
    host, pid, begun = trial.user_attrs["worker"]
    if host != socket.gethostname():
        return one_host  # a container that was started again has another name
    try:
        return (
            abs(psutil.Process(pid).create_time() - begun) > 1
        )  # another process has this number now
    except psutil.NoSuchProcess:
        return True


def _is_database(storage: str | Path) -> bool:
    return "://" in str(storage)


def _take_a_ticket(tickets: str, count: int) -> bool:
    """Take one of `count` tickets; return False if all are taken. No two workers can make the same folder."""
    for number in range(count):
        with contextlib.suppress(FileExistsError):
            Path(tickets, str(number)).mkdir()
            return True
    return False


def _work(
    objective: Callable,
    storage: str,
    study_name: str,
    trials: int,
    seed: int,
    tickets: str,
    count: int,
    rank: int,
    tell: Callable,
) -> None:
    """Carry out trials until there are enough, those that run elsewhere included: this runs in a process of its own."""
    study = open_study(storage, study_name)
    # From what is there already too: else a sweep that goes on would begin with the trials that it began with.
    origin = [
        seed,
        rank,
        len(study.trials),
        zlib.crc32(socket.gethostname().encode()) if _is_database(storage) else 0,
    ]
    study.sampler = _sampler(int(np.random.SeedSequence(origin).generate_state(1)[0]))
    worker = [socket.gethostname(), os.getpid(), psutil.Process().create_time()]

    def signed(trial: optuna.Trial) -> float:
        trial.set_user_attr("worker", worker)
        tell("begun", trial=trial.number)
        return objective(trial)

    def report(_, trial: optuna.trial.FrozenTrial) -> None:
        if trial.state == TrialState.FAIL:
            raise ValueError(
                f"trial {trial.number}: expected a number from the objective, with {trial.params}"
            )
        tell(
            "trial", trial=trial.number, pruned=trial.state == TrialState.PRUNED, value=trial.value
        )

    def is_one_missing() -> bool:
        return (
            len(study.get_trials(deepcopy=False, states=(*FINISHED, TrialState.RUNNING))) < trials
        )

    # Two workers may both see that one trial is missing. Each trial costs a ticket, so only one of them starts it.
    while is_one_missing() and _take_a_ticket(tickets, count):
        study.optimize(signed, n_trials=1, callbacks=[report])


def suggest(trial: optuna.Trial, space: dict) -> dict:
    """Return a value for each name in the space: from a range (low, high), (low, high, "log") or choices."""
    chosen = {}
    for name, values in space.items():
        if isinstance(values, list):
            chosen[name] = trial.suggest_categorical(name, values)
        else:
            low, high, *scale = values
            kind = (
                trial.suggest_int
                if isinstance(low, int) and isinstance(high, int)
                else trial.suggest_float
            )
            chosen[name] = kind(name, low, high, log=scale == ["log"])
    return chosen


@dataclass(frozen=True)
class RecipeObjective:
    """Train a recipe, or the one that its name means, with parts chosen from a space; return the validation accuracy.

    That is reported after each epoch, and a trial that lags behind is pruned.
    """

    recipe: object
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    space: dict = field(default_factory=SPACE.copy)
    changes: dict = field(default_factory=dict)
    seed: int = 0

    def __call__(self, trial: optuna.Trial) -> float:
        # Here, in the worker, because TensorFlow takes seconds to start.
        from apps.scaling.replica import chosen_recipe
        from utils.training import fit, keras

        def report(epoch: int, logs: dict) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        keras.utils.clear_session()  # what the last trial has left
        recipe = chosen_recipe(self.recipe, {**self.changes, **suggest(trial, self.space)})
        watch = keras.callbacks.LambdaCallback(on_epoch_end=report)
        _, history = fit(
            recipe, self.train, self.validation, self.seed, callbacks=[watch], verbose=0
        )
        return history.history["val_accuracy"][-1]
