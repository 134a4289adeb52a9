"""A simulated registry: from its distributions alone, the same for the same seed, admitted, and marked."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.run import score
from calx.reasoner.cohorts.simulate import DISTRIBUTIONS, distributions, simulate
from calx.reasoner.recommendation import Reasoner


def test_a_simulated_registry_is_marked_admitted_and_the_same_again(
    reasoner: Reasoner, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in ("one", "same", "other")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        simulate(reasoner, DEFAULT_DIRECTORY, 4000, seed, path)
    one, same, other = (pq.read_table(path) for path in paths)
    assert one.equals(same) and not one.equals(other)
    assert one.num_rows == 4000 == len(set(one.column("case_id").to_pylist()))
    assert set(one.column("simulated").to_pylist()) == {True}
    told = {k.decode(): v.decode() for k, v in pq.read_schema(paths[0]).metadata.items()}
    assert (told["calx_simulated"], told["calx_seed"]) == ("true", "1")
    scored = score(reasoner, [paths[0]], tmp_path / "out.parquet", tmp_path / "out.csv")
    assert scored.answered == 4000
    (share,) = duckdb.connect().execute(
        f"SELECT count(*) FILTER (settled) / count(*) FROM '{tmp_path}/out.parquet'"
    ).fetchone() or (0,)
    assert share > 0.8


def test_shares_chances_and_normal_draws_come_out_as_told(
    reasoner: Reasoner, tmp_path: Path
) -> None:
    """Of draws on which the gate has no bearing: within five standard errors."""
    path, many = tmp_path / "many.parquet", 40_000
    simulate(reasoner, DEFAULT_DIRECTORY, many, 3, path)
    run = duckdb.connect().execute
    told, _ = distributions(DEFAULT_DIRECTORY)
    tried = 0
    for name in ("presentation", "site", "year", "age_years", "in_stent", "surgical_candidate"):
        draw = told["draws"][name]
        known = float(draw.get("known", 1))
        (count,) = run(f"SELECT count({name}) FROM '{path}'").fetchone() or (0,)
        assert count / many == pytest.approx(
            known, abs=5 * (known * (1 - known) / many) ** 0.5 + 1e-9
        )
        shares = draw.get("shares") or ({"true": draw["chance"]} if "chance" in draw else {})
        for word, share in shares.items():
            (hits,) = run(
                f"SELECT count(*) FROM '{path}' WHERE CAST({name} AS VARCHAR) = '{word}'"
            ).fetchone() or (0,)
            wide = 5 * (share * (1 - share) / count) ** 0.5
            assert hits / count == pytest.approx(share, abs=wide), (name, word)
            tried += 1
        if "normal" in draw:
            mean, low, high = run(
                f"SELECT avg({name}), min({name}), max({name}) FROM '{path}'"
            ).fetchone() or (0, 0, 0)
            assert mean == pytest.approx(draw["normal"]["mean"], abs=0.5)
            assert low >= draw["normal"]["low"] and high <= draw["normal"]["high"]
    assert tried > 15


def test_draws_do_not_go_together_where_nobody_said_so(reasoner: Reasoner, tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    simulate(reasoner, DEFAULT_DIRECTORY, 20_000, 4, path)
    run = duckdb.connect().execute
    for one, other in (("age_years", "lvef_percent"), ("age_years", "angulation_deg")):
        (together,) = run(f"SELECT corr({one}, {other}) FROM '{path}'").fetchone() or (1,)
        assert abs(together) < 0.04, (one, other)


def test_lesions_of_a_patient_are_of_one_person_and_site(
    reasoner: Reasoner, tmp_path: Path
) -> None:
    path = tmp_path / "many.parquet"
    simulate(reasoner, DEFAULT_DIRECTORY, 3_000, 4, path)
    shared = ("age_years", "site", "presentation", "lvef_percent", "pregnant")
    kinds = ", ".join(f"max(count(DISTINCT {name})) OVER ()" for name in shared)
    own = "max(count(DISTINCT target_vessel)) OVER ()"
    (patients, most, *same, vessels) = (
        duckdb.connect()
        .execute(
            f"SELECT count(*) OVER (), max(count(*)) OVER (), {kinds}, {own} FROM '{path}' GROUP BY patient"
        )
        .fetchone()
        or ()
    )
    assert 2_000 < patients < 2_700 and most > 1
    assert (same, vessels) == ([1] * len(shared), 2)


def test_every_draw_has_its_source() -> None:
    told, draws = distributions(DEFAULT_DIRECTORY)
    assert all(told["draws"][draw.name]["source"] for draw in draws)


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        ({"shares": {"a": 0.5}, "source": "x"}, "add up to 0.5"),
        ({"shares": {"a": 1}}, "has no source"),
        ({"source": "x"}, "has one of shares"),
        ({"normal": {"mean": 1}, "source": "x"}, "cannot be read"),
        ({"uniform": [2, 1], "source": "x"}, "the low end stands first"),
        ({"value": "no_such_draw + 1", "source": "x"}, "no_such_draw"),
        ({"value": "(SELECT content FROM read_text('/etc/passwd'))", "source": "x"}, "disabled"),
        ({"shares": {"a": 1}, "source": "x", "colour": 1}, "unknown key colour"),
    ],
)
def test_a_draw_that_is_none_says_why(
    draw: object, said: str, reasoner: Reasoner, tmp_path: Path
) -> None:
    folder = tmp_path / "guideline"
    (folder / "registry").mkdir(parents=True)
    (folder / DISTRIBUTIONS).write_text(yaml.safe_dump({"draws": {"region": draw}}))
    with pytest.raises(CohortError) as refused:
        simulate(reasoner, folder, 10, 1, tmp_path / "out.parquet")
    assert said in str(refused.value) and "region" in str(refused.value) + said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guideline"]


def test_a_guideline_without_distributions_says_so(reasoner: Reasoner, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    with pytest.raises(CohortError, match="nothing to draw from"):
        simulate(reasoner, tmp_path, 10, 1, tmp_path / "out.parquet")
