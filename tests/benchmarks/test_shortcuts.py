"""Cues that know nothing of behaviour, and the benchmark's promise that time is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.shortcuts import COLUMNS, FILMED, areas, cues, held_out
from stages import simulate
from stages.core.paths import Project
from stages.simulation.direction import perform
from stages.simulation.observation import observe
from stages.simulation.planning import SimulateParams, plans
from stages.simulation.world import Take


def test_areas_of_four_frames() -> None:
    kinds = [np.nan, frozenset({"run"}), np.nan, frozenset({"run", "fall"})]
    table = pd.DataFrame({"clip": "a", "frame": range(4), "label": [False, True, False, True], "kinds": kinds})
    found = areas(table.assign(time=[0.0, 0.2, 0.4, 0.6], blind=1.0))
    assert found.columns.tolist() == ["all", "fall", "run"]
    assert list(found.loc["time"]) == [0.75, 1.0, 0.75]  # of four pairs one is in the wrong order
    assert list(found.loc["blind"]) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("render", [False, True])
def test_cues_of_a_simulated_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, render: bool) -> None:
    project = Project(tmp_path)
    project.params.write_text(f"datasets: [simulated]\nsimulate: {{render: {str(render).lower()}, workers: 1}}\n")
    one = next(plan for plan in plans(SimulateParams()) if plan.kinds and plan.split == "test")
    monkeypatch.setattr(simulate, "plans", lambda _: (one,))
    simulate.run(project)
    folder = project.raw("simulated")
    assert list(held_out(folder)) == [(one.clip, one.frames)]
    table = cues(folder, one.clip, one.frames)
    assert len(table) == one.frames
    assert set(FILMED) <= set(table.columns) if render else not set(FILMED) & set(table.columns)
    assert np.isfinite(table[table.columns.difference(COLUMNS)].to_numpy(dtype=float)).all()
    assert table["time"].is_monotonic_increasing
    assert table["middle"].idxmax() in {one.frames // 2, (one.frames + 1) // 2}
    assert set(frozenset().union(*table["kinds"].dropna())) == set(one.kinds)
    assert (table["kinds"].notna() == table["label"]).all()


@pytest.mark.slow
def test_the_time_in_a_clip_betrays_nothing() -> None:
    pieces = []
    for plan in (plan for plan in plans(SimulateParams()) if plan.split == "test"):
        view = observe(Take(plan, perform(plan)))
        odd = np.atleast_1d((view.seen & view.abnormal).any(axis=1))
        time = np.arange(plan.frames) / plan.frames
        kinds = [frozenset({"any"}) if yes else np.nan for yes in odd]
        late = (view.seen & ~view.seen[0]).sum(axis=1)
        pieces.append(
            pd.DataFrame(
                {"clip": plan.clip, "frame": range(plan.frames), "label": odd, "kinds": kinds, "time": time}
            ).assign(middle=-np.abs(time - 0.5), length=plan.frames, latecomers=late)
        )
    found = areas(pd.concat(pieces, ignore_index=True))["all"]
    assert found.between(0.35, 0.65).all(), found.to_dict()
