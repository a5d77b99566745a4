"""Search for good hyperparameters with several processes or hosts: Optuna's trials share a study in a database.

As many trials are queued as were asked for. If a worker finds the queue empty, Optuna makes up a trial, which ends at
once and doesn't count. So N asked are N finished, whatever happens to the workers.
"""

import contextlib
import errno
import os
import secrets
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from utils.data import check_same_run

FINISHED = TrialState.COMPLETE, TrialState.PRUNED
ENDED = *FINISHED, TrialState.FAIL
LIVING = TrialState.WAITING, TrialState.RUNNING, *FINISHED
# So Optuna marks its heartbeat, and a sampler that keeps away from what is running.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
RETRY = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=2)  # then try others
HEARTBEATS = {
    "heartbeat_interval": 5,
    "grace_period": 30,  # seconds of silence until a trial is dead
    "heartbeat_stale_trial_callback": RETRY,
}


class Storage(optuna.storages.RDBStorage):
    """Give a trial its first heartbeat before a worker takes it, who may die in the moment after."""

    def set_trial_state_values(self, trial_id: int, state: TrialState, values=None) -> bool:
        """Set a trial's state, and return whether it was still to be had."""
        if state == TrialState.RUNNING:
            self.record_heartbeat(trial_id)
        return super().set_trial_state_values(trial_id, state, values)


def open_study(url: str, study_name: str = "digits") -> optuna.Study:
    """Open or begin a study in the database with this URL; the higher its objective, the better.

    A trial that is worse than the median of the others at the same epoch is pruned, once four are complete.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = url.startswith("sqlite")
    options = {"connect_args": {"timeout": 60, "isolation_level": None}} if file else {}
    with errors_in_words(url):
        storage = Storage(url, options, **HEARTBEATS)
        if file:  # SQLite locks no rows: without this, two workers could take the same trial
            lock = partial(sqlalchemy.Connection.exec_driver_sql, statement="BEGIN IMMEDIATE")
            sqlalchemy.event.listen(storage.engine, "begin", lock)
        pruner = optuna.pruners.MedianPruner(n_startup_trials=4)
        how = {"direction": "maximize", "pruner": pruner, "load_if_exists": True}
        return optuna.create_study(storage=storage, study_name=study_name, **how)


@contextlib.contextmanager
def errors_in_words(url: str) -> Iterator[None]:
    """Raise OSError if the disk is full, ConnectionError if no database answers, and RuntimeError for the rest."""
    try:
        yield
    except (OSError, ValueError, RuntimeError):
        raise
    except Exception as fault:
        if "database or disk is full" in "".join(traceback.format_exception(fault)):
            where = sqlalchemy.make_url(url).database
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where) from fault
        if isinstance(fault, sqlalchemy.exc.SQLAlchemyError | ImportError):
            reason = _without_secrets(str(fault).splitlines()[0], url)
            raise ConnectionError(f"the database of the sweep can't be used: {reason}") from None
        reason = _without_secrets(str(fault), url)
        raise RuntimeError(f"{type(fault).__name__}: {reason}") from fault


def _without_secrets(text: str, url: str) -> str:
    """Return a text without a database's URL, its password, and its options, which a driver may repeat."""
    hidden = [url]
    with contextlib.suppress(ValueError, sqlalchemy.exc.ArgumentError):
        parsed = sqlalchemy.make_url(url)
        hidden += [parsed.password, *parsed.query.values()]
    for secret in filter(None, hidden):
        text = text.replace(str(secret), "***")
    return text


def queued(study: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    """Return the trials that came from the queue and are in one of these states, or in any but failed."""
    trials = study.get_trials(states=states or LIVING)
    return [trial for trial in trials if trial.user_attrs.get("queued")]


def requeue(study: optuna.Study, tasks: Collection[str] = ()) -> None:
    """Fail the running trials of these tasks and those that fell silent, and queue their parameters again."""
    optuna.storages.fail_stale_trials(study)
    for trial in queued(study, TrialState.RUNNING):
        if trial.user_attrs.get("task") in tasks:
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            RETRY(study, trial)


def sweep(
    objective: Callable[[optuna.Trial], float],
    url: str,
    study_name: str = "digits",
    trials: int = 20,
    workers: int = 2,
    seed: int = 0,
    on_trial: Callable[[optuna.Study, FrozenTrial], None] = lambda study, trial: None,
) -> optuna.Study:
    """Run `objective(trial)` until the study has so many finished trials, and return the study.

    Hosts that give the same database and name share the study. The same call, made again, goes on. If a worker dies,
    its trial is tried again. `on_trial(study, trial)` is called for each trial that ends.
    """
    if workers < 1 or trials < 1:
        raise ValueError(f"expected at least one worker and one trial, got {workers} and {trials}")
    study = open_study(url, study_name)
    task = partial(_try_one, objective, url, study_name, trials, seed)
    with errors_in_words(url):
        search = {"seed": seed, **getattr(objective, "describe", dict)()}
        if not study.trials and not study.user_attrs:
            study.set_user_attr("search", search)
        check_same_run(study.user_attrs.get("search", {}), search, f"the study {study_name}")
        told = {trial.number for trial in queued(study, *ENDED)}
        report = partial(_report, study, told, on_trial)
        while len(queued(study, *FINISHED)) < trials:
            requeue(study)
            for _ in range(trials - len(queued(study))):
                study.enqueue_trial({}, user_attrs={"queued": True})
            names = [secrets.token_hex(8) for _ in queued(study, TrialState.WAITING)]
            if names:
                _run(study, task, names, min(workers, len(names)), report)
            else:  # other hosts run the last trials, or their workers are dead
                time.sleep(1)
    return study


def _run(study: optuna.Study, task: Callable, names: list[str], workers: int, report) -> None:
    """Run a task once under each of the names, in this many processes, and report each one that is done."""
    from distributed import as_completed

    from apps.scaling.cluster import connect

    try:
        with connect(workers) as client:
            for future in as_completed(client.map(task, names, key=names), loop=client.loop):
                future.result()
                report()
    finally:  # what was interrupted
        requeue(study, names)


def _report(study: optuna.Study, told: set[int], on_trial: Callable) -> None:
    for trial in sorted(queued(study, *ENDED), key=lambda trial: trial.datetime_complete):
        if trial.number not in told:
            told.add(trial.number)
            on_trial(study, trial)


_opened = lru_cache(maxsize=1)(open_study)  # once in each process


def _try_one(objective, url: str, study_name: str, trials: int, seed: int, name: str) -> None:
    """Run one queued trial, if there is one: what a worker does."""
    threading.excepthook = lambda _: None  # of a heartbeat on a full disk; the trial itself says so
    study, run = _opened(url, study_name), partial(_count_one, objective, trials, seed, name)
    with errors_in_words(url):
        # Dask does a task again if the process that did it has died.
        requeue(study, [name])
        try:
            if queued(study, TrialState.WAITING):
                study.optimize(run, n_trials=1, callbacks=[_expect_a_number])
        except Exception:
            if not _was_taken(study, name):
                raise


def _was_taken(study: optuna.Study, name: str) -> bool:
    """Return whether a trial of this task fell silent, as on a laptop asleep, and was queued again for others."""
    again = {n for trial in study.trials for n in trial.system_attrs.get("retry_history", [])}
    failed = queued(study, TrialState.FAIL)
    return any(t.number in again and t.user_attrs.get("task") == name for t in failed)


def _count_one(objective, trials: int, seed: int, name: str, trial: optuna.Trial) -> float:
    """Return the objective's value, or prune a trial at once that isn't among the first of the queue."""
    trial.set_user_attr("task", name)
    if trial.number not in [asked.number for asked in queued(trial.study)[:trials]]:
        trial.set_user_attr("queued", False)
        raise optuna.TrialPruned
    own = np.random.SeedSequence([seed, trial.number]).generate_state(1)
    trial.study.sampler = optuna.samplers.TPESampler(seed=int(own[0]), constant_liar=True)
    return objective(trial)


def _expect_a_number(study: optuna.Study, trial: FrozenTrial) -> None:
    if trial.state == TrialState.FAIL:
        wanted = "expected a number from the objective"
        raise ValueError(f"trial {trial.number}: {wanted}, with {trial.params}")
