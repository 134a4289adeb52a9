"""The same decisions as the guideline's rules, written by hand as SQL over columns: strategy, score, the state of each device,
alerts.

A peer for timing, checked to agree with the rules; nothing else reads it. As fast as a person would write it: no rule can be told
apart, nothing is left open, numbers have no source.
"""

from __future__ import annotations

FACTS = """
arc AS max_superficial_arc_deg, depth AS calcium_depth, fraction AS calcium_leading_edge_depth_fraction, nodule AS calcified_nodule,
long AS superficial_arc_gt270_length_mm, present AS calcium_present, thin AS residual_thin_plaque, stage AS stage,
stent AS stent_implanted, hematoma AS intramural_hematoma, tamp AS tamponade, covered AS covered_stent_implanted,
fracture AS calcium_fracture, perf AS perforation_grade, balloon AS predilation_balloon, pulses AS ivl_pulses_delivered,
modified AS modification_done, expanded AS balloon_fully_expanded, crossed AS balloon_crossed, free AS complication_free,
coronary AS coronary_dissection, edge AS edge_dissection, dbm AS dissection_before_modification, wire AS wire_in_true_lumen,
imaging AS imaging_catheter_crossed, wired AS wire_crossed, recurrent AS recurrent_ischemia_after_stent,
beyond AS hematoma_beyond_stent_edge, reference AS reference_vessel_diameter_mm, msa AS minimum_stent_area_mm2,
mla AS stented_minimum_lumen_area_mm2, distal AS distal_reference_lumen_area_mm2, proximal AS proximal_reference_lumen_area_mm2,
used AS balloon_diameter_mm, calcium AS calcium_length_mm, mobile AS mobile_calcium, vessel AS vessel_diameter_mm,
flow AS flow_limiting, cto AS chronic_total_occlusion, target AS target_vessel, thrombus AS thrombus, lvef AS lvef_percent,
presentation AS presentation, shock AS cardiogenic_shock, patent AS only_patent_vessel, instent AS in_stent,
dominant AS dominant_lcx, surgical AS surgical_candidate, pregnant AS pregnant, age AS age_years, layer AS dissection_depth,
dissected AS dissection_length_mm, darc AS dissection_arc_deg, inside AS stent_postdilation_balloon,
gap AS malapposition_distance_mm, gaplong AS malapposition_length_mm, nodtype AS nodule_type,
coverfull AS covered_stent_fully_expanded
"""
NAMES = {
    name: short
    for short, _, name in (one.partition(" AS ") for one in " ".join(FACTS.split()).split(", "))
}
"""Short names of facts, by fact."""


def _sql(source: str) -> str:
    facts = ", ".join(f"{name} AS {short}" for name, short in NAMES.items())
    implied = f"""
SELECT * REPLACE (
  coalesce(stent, CASE stage WHEN 'after_stent' THEN TRUE WHEN 'before_preparation' THEN FALSE WHEN 'after_preparation' THEN FALSE END) AS stent,
  coalesce(hematoma, CASE WHEN stage = 'before_preparation' THEN FALSE END) AS hematoma,
  coalesce(tamp, CASE WHEN stage = 'before_preparation' THEN FALSE END) AS tamp,
  coalesce(covered, CASE WHEN stage = 'before_preparation' THEN FALSE END) AS covered,
  coalesce(fracture, CASE WHEN stage = 'before_preparation' THEN FALSE END) AS fracture,
  coalesce(perf, CASE WHEN stage = 'before_preparation' THEN 'none' END) AS perf,
  coalesce(balloon, CASE WHEN stage = 'before_preparation' THEN 'none' END) AS balloon,
  coalesce(pulses, CASE WHEN stage = 'before_preparation' THEN 0 END) AS pulses,
  coalesce(modified, CASE WHEN stage = 'before_preparation' THEN 'none' END) AS modified,
  coalesce(present, CASE WHEN arc > 0 OR nodule OR depth IS NOT NULL OR fraction IS NOT NULL OR long > 0 OR calcium > 0
    OR fracture OR mobile OR thin THEN TRUE END) AS present)
FROM (SELECT * REPLACE (coalesce(arc, CASE WHEN present IS FALSE OR depth = 'deep' THEN 0 END) AS arc)
      FROM (SELECT case_id, {facts} FROM {source}) AS a) AS b"""
    seen = f"""
SELECT * REPLACE (
  coalesce(crossed, CASE WHEN expanded IS NOT NULL OR pulses > 0 THEN TRUE END) AS crossed,
  coalesce(stent, CASE WHEN covered THEN TRUE END) AS stent,
  coalesce(coronary, CASE WHEN free THEN FALSE END) AS coronary, coalesce(edge, CASE WHEN free THEN FALSE END) AS edge,
  coalesce(dbm, CASE WHEN free THEN FALSE END) AS dbm, coalesce(hematoma, CASE WHEN free THEN FALSE END) AS hematoma,
  coalesce(tamp, CASE WHEN free THEN FALSE END) AS tamp, coalesce(perf, CASE WHEN free THEN 'none' END) AS perf,
  coalesce(wire, CASE WHEN free THEN TRUE END) AS wire,
  coalesce(modified, CASE WHEN pulses > 0 OR balloon = 'lithotripsy' THEN 'lithotripsy' END) AS modified,
  coalesce(long, CASE WHEN arc <= 270 THEN 0 END) AS long, coalesce(nodule, CASE WHEN arc = 0 THEN FALSE END) AS nodule)
FROM ({implied}) AS c"""
    complete = f"""
SELECT * REPLACE (
  coalesce(wired, CASE WHEN imaging OR crossed OR stent THEN TRUE END) AS wired,
  coalesce(coronary, CASE WHEN (stage = 'before_preparation' OR modified = 'none') AND stent IS NOT TRUE THEN dbm END) AS coronary,
  coalesce(dbm, CASE WHEN (stage = 'before_preparation' OR modified = 'none') AND stent IS NOT TRUE THEN coronary END) AS dbm,
  coalesce(edge, CASE WHEN stent IS FALSE THEN FALSE END) AS edge, coalesce(beyond, CASE WHEN stent IS FALSE THEN FALSE END) AS beyond,
  coalesce(recurrent, CASE WHEN stent IS FALSE THEN FALSE END) AS recurrent,
  coalesce(depth, CASE WHEN present AND arc = 0 THEN 'deep' END) AS depth,
  coalesce(stage, CASE WHEN stent THEN 'after_stent' WHEN stent IS FALSE AND (balloon <> 'none' OR modified <> 'none'
    OR expanded IS NOT NULL OR fracture OR pulses > 0) THEN 'after_preparation' END) AS stage)
FROM ({seen}) AS d"""
    assessed = f"""
SELECT *, CASE WHEN arc > 270 OR long > 0 THEN 'IV' WHEN arc > 0 AND arc < 90 THEN 'I' WHEN arc > 0 AND arc <= 180 THEN 'II'
    WHEN arc > 0 THEN 'III' END AS grade,
  (fraction > 0.5 OR depth IN ('deep', 'mixed')) IS TRUE AS deep, (arc >= 360) IS TRUE AS ring, (arc >= 270 AND arc < 360 AND thin) IS TRUE AS ccat,
  coalesce((long > 5)::INT, 0) + coalesce((arc >= 360)::INT, 0) + coalesce(nodule::INT, 0)
    + coalesce((vessel < 3.5 AND (coalesce(arc > 0, FALSE) OR coalesce(long > 0, FALSE) OR coalesce(nodule, FALSE)))::INT, 0) AS calcium_score,
  (present IS NOT FALSE AND expanded IS FALSE AND balloon IN ('non_compliant', 'cutting', 'scoring', 'super_high_pressure', 'lithotripsy')) IS TRUE AS undilatable,
  (present IS NOT FALSE AND wired IS NOT FALSE AND (crossed IS FALSE OR (imaging IS FALSE AND crossed IS NOT TRUE))) IS TRUE AS uncrossable,
  (balloon IN ('non_compliant', 'cutting', 'scoring', 'super_high_pressure', 'lithotripsy') OR pulses > 0) IS TRUE AS strong,
  (perf <> 'none') IS TRUE AS perforated, (stage IN ('after_preparation', 'after_stent')) IS TRUE AS later,
  (wire IS FALSE AND (coronary OR edge OR cto)) IS TRUE AS wireout, used - reference AS step,
  round(100 * mla / nullif(distal, 0), 9) AS ratio, round(100 * msa / nullif((proximal + distal) / 2, 0), 9) AS mean_,
  (patent OR lvef <= 30 OR shock) IS TRUE AS low, NOT coalesce(pulses >= 80, FALSE) AS left_, (target IN ('vein_graft', 'arterial_graft')) IS TRUE AS graft
FROM ({complete}) AS e"""
    deeper = f"""
SELECT *, present IS NOT FALSE AND (arc > 0) IS NOT TRUE AND ((depth = 'deep') IS TRUE OR (deep AND (arc = 0) IS TRUE)) AS deeponly,
  (arc >= 270 OR long > 0 OR calcium_score >= 2 OR nodule OR undilatable OR uncrossable) IS TRUE AS high
FROM ({assessed}) AS f"""
    decided = f"""
SELECT *, CASE
  WHEN perforated OR tamp OR wireout OR (flow AND (coronary OR hematoma OR (stent AND edge) OR later)) THEN 'manage_complication_first'
  WHEN stent THEN 'stent_optimisation'
  WHEN expanded AND crossed IS NOT FALSE AND (round(step, 9) < -0.75) IS NOT TRUE AND (ccat OR (round(step, 9) < -0.5) IS NOT TRUE)
    AND ((strong AND (fracture IS TRUE OR modified <> 'none' OR balloon IN ('cutting', 'super_high_pressure')))
      OR (NOT high AND (((grade IN ('II', 'III') OR deeponly) AND strong) OR grade = 'I' OR present IS FALSE))) THEN 'proceed_to_stent'
  WHEN high THEN 'active_modification'
  WHEN grade IN ('II', 'III') OR (grade = 'I' AND expanded IS FALSE AND balloon = 'semi_compliant') THEN 'stepwise_balloon'
  WHEN grade = 'I' THEN 'semi_compliant_predilation'
  WHEN deeponly THEN 'deep_calcium_balloon_first'
  WHEN present IS FALSE THEN 'standard_preparation' END AS strategy
FROM ({deeper}) AS g"""
    weighed = f"""
SELECT *, (strategy = 'active_modification') IS TRUE AS active, (strategy = 'stepwise_balloon') IS TRUE AS stepwise,
  (strategy = 'semi_compliant_predilation') IS TRUE AS soft, (strategy = 'deep_calcium_balloon_first') IS TRUE AS deepfirst,
  wired IS FALSE AS unwired,
  (thrombus OR target = 'vein_graft' OR dbm) IS TRUE AS ra_no,
  (target IN ('vein_graft', 'arterial_graft') OR instent OR thrombus OR patent OR dbm OR (coronary AND layer IN ('medial', 'adventitial'))
    OR surgical IS FALSE OR pregnant OR age < 18) IS TRUE AS oa_no,
  (uncrossable AND NOT low) AS ra_best,
  (NOT uncrossable AND left_ AND (deeponly OR ring) AND NOT ((expanded IS FALSE) AND (balloon = 'lithotripsy') IS TRUE)
    AND instent IS NOT TRUE AND NOT graft AND cto IS NOT TRUE AND (presentation = 'stemi') IS NOT TRUE AND thrombus IS NOT TRUE) AS ivl_best
FROM ({decided}) AS h"""
    devices = f"""
SELECT *,
  {
        _status("ra_no", "active AND (NOT deeponly OR uncrossable)", "unwired", "ra_best")
    } AS status_rotational_atherectomy,
  {_status("oa_no", "active AND NOT deeponly", "unwired", "FALSE")} AS status_orbital_atherectomy,
  {
        _status(
            "NOT left_",
            "active",
            "(unwired OR crossed IS FALSE OR (reference < 2.5) IS TRUE)",
            "ivl_best",
        )
    } AS status_intravascular_lithotripsy,
  {
        _status(
            "FALSE",
            "((active AND NOT uncrossable) OR stepwise)",
            "(unwired OR (reference < 2.0) IS TRUE)",
            "FALSE",
        )
    } AS status_cutting_balloon,
  {
        _status("FALSE", "((active AND NOT uncrossable) OR stepwise)", "unwired", "FALSE")
    } AS status_scoring_balloon,
  {
        _status(
            "FALSE",
            "((active AND NOT uncrossable) OR stepwise OR deepfirst)",
            "unwired",
            "(deepfirst OR (active AND NOT uncrossable AND modified IN ('rotational_atherectomy', 'orbital_atherectomy', 'laser') "
            "AND coalesce(balloon NOT IN ('non_compliant', 'cutting', 'scoring', 'super_high_pressure', 'lithotripsy'), TRUE)))",
        )
    } AS status_non_compliant_balloon,
  {_status("FALSE", "soft", "unwired", "TRUE")} AS status_semi_compliant_balloon,
  {
        _status("FALSE", "(active AND NOT uncrossable)", "unwired", "FALSE")
    } AS status_super_high_pressure_balloon,
  {
        _status("FALSE", "(active AND (uncrossable OR undilatable))", "unwired", "FALSE")
    } AS status_excimer_laser
FROM ({weighed}) AS i"""
    usable = f"""
SELECT *, status_rotational_atherectomy IN ('preferred', 'suitable') AS ra, status_orbital_atherectomy IN ('preferred', 'suitable') AS oa,
  status_intravascular_lithotripsy IN ('preferred', 'suitable') AS ivl, status_super_high_pressure_balloon IN ('preferred', 'suitable') AS shp,
  (coronary OR (edge AND (flow OR wire IS FALSE))) IS TRUE AS torn, (inside <> 'none') IS TRUE AS dilated,
  ((ratio < 90) IS TRUE AND (mla <= 5 OR target = 'left_main') IS TRUE AND NOT coalesce(mla > 5 AND target <> 'left_main', FALSE)) AS narrow
FROM ({devices}) AS j"""
    w, c, i = "'warning'", "'critical'", "'info'"
    alerts = {
        "c_cat": ("ccat", c),
        "mobile_calcium": ("mobile", i),
        "pacing_standby": (
            "ra AND (target IN ('rca', 'left_main') OR (target = 'lcx' AND dominant))",
            i,
        ),
        "perforation_risk": ("ra OR oa OR cto OR target = 'left_main'", i),
        "ra_in_stemi": ("ra AND presentation = 'stemi'", w),
        "eruptive_nodule": ("nodtype = 'eruptive'", w),
        "no_usable_device": (
            "active AND wired IS NOT FALSE AND NOT (ra OR oa OR ivl) AND (NOT shp OR (expanded IS FALSE AND balloon = 'super_high_pressure'))",
            c,
        ),
        "ivl_pulse_limit": ("NOT left_ AND active", w),
        "low_reserve": ("active AND (ra OR oa) AND low", w),
        "wire_in_occlusion": ("cto AND (ra OR oa) AND wire IS NOT TRUE", w),
        "wire_not_crossed": ("wired IS FALSE", i),
        "combined_modification": (
            "active AND uncrossable AND (deep OR ring OR imaging IS FALSE) AND ra AND (reference < 2.5) IS NOT TRUE "
            "AND NOT (ccat AND coalesce(reference < 3.0, FALSE)) AND left_",
            i,
        ),
        "resistant_underexpansion": (
            "strategy = 'stent_optimisation' AND dilated AND (narrow OR coalesce(mean_ < 80, FALSE))",
            w,
        ),
        "malapposition": ("gap >= 0.4 AND gaplong > 1", i),
        "wire_in_false_lumen": ("wireout", c),
        "slow_flow": (
            "flow AND later AND NOT (torn OR coalesce(hematoma, FALSE) OR perforated OR coalesce(tamp, FALSE))",
            c,
        ),
        "dissection": ("torn", f"CASE WHEN flow THEN {c} ELSE {w} END"),
        "stent_in_unprepared_calcium": (
            "torn AND wire IS NOT FALSE AND NOT perforated AND (flow OR (layer IN ('medial', 'adventitial') AND dissected > 3 "
            "AND (stent OR strategy = 'proceed_to_stent'))) AND high AND expanded IS NOT TRUE AND stent IS NOT TRUE",
            w,
        ),
        "intramural_hematoma": ("hematoma", f"CASE WHEN flow THEN {c} ELSE {w} END"),
        "perforation": (
            "perforated",
            f"CASE WHEN tamp OR flow OR perf IN ('ellis_3', 'ellis_3_cavity') THEN {c} ELSE {w} END",
        ),
        "tamponade": ("tamp", c),
        "covered_stent": ("covered AND coverfull IS NOT TRUE", w),
        "recurrent_ischemia": ("recurrent", c),
    }
    told = ", ".join(
        f"CASE WHEN {test} THEN {value} END AS alert_{name}"
        for name, (test, value) in alerts.items()
    )
    statuses = (
        "rotational_atherectomy, orbital_atherectomy, intravascular_lithotripsy, cutting_balloon, scoring_balloon, "
        "non_compliant_balloon, semi_compliant_balloon, super_high_pressure_balloon, excimer_laser"
    )
    names = ", ".join(f"status_{name}" for name in statuses.split(", "))
    return f"SELECT case_id, strategy, calcium_score, {names}, {told} FROM ({usable}) AS k"


def _status(forbidden: str, indicated: str, hindered: str, favoured: str) -> str:
    return (
        f"CASE WHEN {forbidden} THEN 'contraindicated' WHEN {indicated} AND {hindered} THEN 'unavailable' "
        f"WHEN {indicated} AND {favoured} THEN 'preferred' WHEN {indicated} THEN 'suitable' ELSE 'not_indicated' END"
    )


def sql(source: str) -> str:
    """The decisions on the lesions of a table, which has a column a fact."""
    return _sql(source)


def for_polars(source: str) -> str:
    """The same in the words of polars, for which NULL IS NOT TRUE is not true."""
    import sqlglot
    from sqlglot import exp

    def known(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.INT:
            node.set("to", exp.DataType.build("BIGINT"))
        inner = node.this if isinstance(node, exp.Not) else node
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Boolean):
            truth = bool(inner.expression.this)
            told = exp.Coalesce(this=inner.this, expressions=[exp.Boolean(this=not truth)])
            turned = truth is (node is not inner)
            return exp.Paren(this=exp.Not(this=told) if turned else told)
        return node

    tree = sqlglot.parse_one(sql(source), read="duckdb")
    for node in [*tree.find_all(exp.Not, exp.Is, exp.Cast)]:
        changed = known(node)
        if changed is not node:
            node.replace(changed)
    return tree.sql(dialect="duckdb")
