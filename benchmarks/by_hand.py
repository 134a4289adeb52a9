"""The same decisions as the guideline's rules, written by hand as if and else: what speed costs when nothing is explained.

This is a peer for timing, checked to agree with the rules, and nothing else reads it. It is one long function on purpose: that is
the fastest that plain Python does. It shows what the guideline would look like in code: numbers without source, no proof, no
evidence, no third truth value.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

D = Decimal
DEVICES = (
    "rotational_atherectomy",
    "orbital_atherectomy",
    "intravascular_lithotripsy",
    "cutting_balloon",
    "scoring_balloon",
    "non_compliant_balloon",
    "semi_compliant_balloon",
    "super_high_pressure_balloon",
    "excimer_laser",
)
RA, OA, IVL, CB, SB, NCB, SCB, SHP, ELCA = DEVICES
STRONG = {"non_compliant", "cutting", "scoring", "super_high_pressure", "lithotripsy"}
FAILED = {
    "semi_compliant": SCB,
    "non_compliant": NCB,
    "cutting": CB,
    "scoring": SB,
    "super_high_pressure": SHP,
    "lithotripsy": IVL,
}
BURRS = [D("1.25"), D("1.5"), D("1.75"), D("2.0")]
TOO_SMALL, TOO_SMALL_CAPPED = D("-0.5"), D("-0.75")
SIZES = [D("4.0"), D("3.75"), D("3.5"), D("3.25"), D("3.0"), D("2.75"), D("2.5")]
HALF, BURR_LOW, BURR_HIGH, SMALLEST_BURR = D("0.5"), D("0.4"), D("0.6"), D("1.25")
VESSEL, AREA, MALAPPOSED = D("3.5"), D("5.0"), D("0.4")
IVL_LOW, CB_LOW, LARGEST, CAPPED = D("2.5"), D("2.0"), D("4.0"), D("3.0")


def decide(facts: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Completed values, and conclusions as ``property:term``."""
    f = dict(facts)
    get = f.get
    out: set[str] = set()
    add = out.add
    stage = get("stage")
    # implied facts
    arc, depth, fraction, nodule = (
        get("max_superficial_arc_deg"),
        get("calcium_depth"),
        get("calcium_leading_edge_depth_fraction"),
        get("calcified_nodule"),
    )
    length270 = get("superficial_arc_gt270_length_mm")
    present = get("calcium_present")
    thin = get("residual_thin_plaque")
    if arc is None and (present is False or depth == "deep"):
        arc = f["max_superficial_arc_deg"] = D(0)
    if present is None and (
        (arc is not None and arc > 0) or nodule or depth is not None or fraction is not None or (length270 is not None and length270 > 0)
        or (get("calcium_length_mm") or 0) > 0 or get("calcium_fracture") or get("mobile_calcium") or thin
    ):  # fmt: skip
        present = f["calcium_present"] = True
    if stage == "before_preparation":
        for name in (
            "stent_implanted",
            "intramural_hematoma",
            "tamponade",
            "covered_stent_implanted",
            "calcium_fracture",
        ):
            f.setdefault(name, False)
        f.setdefault("perforation_grade", "none")
        f.setdefault("predilation_balloon", "none")
        f.setdefault("ivl_pulses_delivered", D(0))
        f.setdefault("modification_done", "none")
    elif stage == "after_preparation":
        f.setdefault("stent_implanted", False)
    elif stage == "after_stent":
        f.setdefault("stent_implanted", True)
    pulses, expanded, balloon = (
        get("ivl_pulses_delivered"),
        get("balloon_fully_expanded"),
        get("predilation_balloon"),
    )
    if expanded is not None or (pulses is not None and pulses > 0):
        f.setdefault("balloon_crossed", True)
    if get("covered_stent_implanted"):
        f.setdefault("stent_implanted", True)
    if get("complication_free"):
        for name in (
            "coronary_dissection",
            "edge_dissection",
            "dissection_before_modification",
            "intramural_hematoma",
            "tamponade",
        ):
            f.setdefault(name, False)
        f.setdefault("perforation_grade", "none")
        f.setdefault("wire_in_true_lumen", True)
    if (pulses is not None and pulses > 0) or balloon == "lithotripsy":
        f.setdefault("modification_done", "lithotripsy")
    if arc is not None and arc <= 270 and length270 is None:
        length270 = f["superficial_arc_gt270_length_mm"] = D(0)
    if arc is not None and arc == 0 and nodule is None:
        nodule = f["calcified_nodule"] = False
    stent, crossed = get("stent_implanted"), get("balloon_crossed")
    if get("imaging_catheter_crossed") or crossed or stent:
        f.setdefault("wire_crossed", True)
    modified = get("modification_done")
    if (stage == "before_preparation" or modified == "none") and stent is not True:
        for one, other in (
            ("coronary_dissection", "dissection_before_modification"),
            ("dissection_before_modification", "coronary_dissection"),
        ):
            if other in f:
                f.setdefault(one, f[other])
    if stent is False:
        for name in (
            "edge_dissection",
            "hematoma_beyond_stent_edge",
            "recurrent_ischemia_after_stent",
        ):
            f.setdefault(name, False)
    if present and arc is not None and arc == 0 and depth is None:
        depth = f["calcium_depth"] = "deep"
    if stage is None and stent:
        stage = f["stage"] = "after_stent"
    if stage is None and stent is False and (
        (balloon is not None and balloon != "none") or (modified is not None and modified != "none") or expanded is not None
        or get("calcium_fracture") or (pulses is not None and pulses > 0)
    ):  # fmt: skip
        stage = f["stage"] = "after_preparation"
    # quantities
    reference, msa, mla = (
        get("reference_vessel_diameter_mm"),
        get("minimum_stent_area_mm2"),
        get("stented_minimum_lumen_area_mm2"),
    )
    distal, proximal = (
        get("distal_reference_lumen_area_mm2"),
        get("proximal_reference_lumen_area_mm2"),
    )
    ratio = expansion_distal = expansion_mean = None
    if length270 is not None and "calcium_length_mm" in f:
        f["arc_length_beyond_calcium_mm"] = length270 - f["calcium_length_mm"]
    if distal is not None:
        if mla is not None:
            ratio = f["lumen_of_distal_reference_percent"] = 100 * mla / distal
        if msa is not None:
            expansion_distal = f["expansion_distal_percent"] = 100 * msa / distal
            if proximal is not None:
                expansion_mean = f["expansion_mean_percent"] = 100 * msa / ((proximal + distal) / 2)
    if reference is not None:
        f["smallest_burr_mm"], f["burr_limit_mm"], f["downsized_balloon_mm"] = (
            BURR_LOW * reference,
            BURR_HIGH * reference,
            reference - HALF,
        )
    difference = None
    if reference is not None and "balloon_diameter_mm" in f:
        difference = f["balloon_to_reference_mm"] = f["balloon_diameter_mm"] - reference
    # assessment
    long270 = length270 is not None and length270 > 0
    grade = None
    if (arc is not None and arc > 270) or long270:
        grade = "IV"
    elif arc is not None and arc > 0:
        grade = "I" if arc < 90 else "II" if arc <= 180 else "III"
    if grade:
        add("arcGrade:" + grade)
    if (fraction is not None and fraction <= HALF) or depth == "superficial" or depth == "mixed":
        add("finding:superficial_calcium")
    deep = (fraction is not None and fraction > HALF) or depth == "deep" or depth == "mixed"
    if deep:
        add("finding:deep_calcium")
    ring = arc is not None and arc >= 360
    if ring:
        add("finding:circumferential_calcium")
    c_shaped = arc is not None and 270 <= arc < 360
    if c_shaped:
        add("finding:c_shaped_calcium")
    not_excluded = present is not False
    deep_only = (
        not_excluded
        and not (arc is not None and arc > 0)
        and (depth == "deep" or (deep and arc is not None and arc == 0))
    )
    if deep_only:
        add("finding:deep_only_calcium")
    c_cat = c_shaped and thin is True
    if c_cat:
        add("finding:c_cat_sign")
    points = 0
    if length270 is not None and length270 > 5:
        points += 1
        add("scorePoint:arc_gt_270_over_5_mm")
    if ring:
        points += 1
        add("scorePoint:ring_360")
    if nodule:
        points += 1
        add("scorePoint:calcified_nodule")
    vessel = get("vessel_diameter_mm")
    if (
        vessel is not None
        and vessel < VESSEL
        and ((arc is not None and arc > 0) or long270 or nodule)
    ):
        points += 1
        add("scorePoint:vessel_lt_3_5_mm")
    f["calcium_score"] = D(points)
    high = False
    if (arc is not None and arc >= 270) or long270:
        high = True
        add("highRiskFeature:arc_ge_270")
    if points >= 2:
        high = True
        add("highRiskFeature:score_ge_2")
    if nodule:
        high = True
        add("highRiskFeature:calcified_nodule")
    undilatable = not_excluded and expanded is False and balloon in STRONG
    if undilatable:
        high = True
        add("highRiskFeature:undilatable")
    uncrossable = (
        not_excluded
        and get("wire_crossed") is not False
        and (crossed is False or (get("imaging_catheter_crossed") is False and crossed is not True))
    )
    if uncrossable:
        high = True
        add("highRiskFeature:uncrossable")
    # strategy
    strength = balloon in STRONG or (pulses is not None and pulses > 0)
    perforation, tamponade, flow = get("perforation_grade"), get("tamponade"), get("flow_limiting")
    perforated = perforation is not None and perforation != "none"
    coronary, edge, hematoma, wire = (
        get("coronary_dissection"),
        get("edge_dissection"),
        get("intramural_hematoma"),
        get("wire_in_true_lumen"),
    )
    cto = get("chronic_total_occlusion")
    later = stage in ("after_preparation", "after_stent")
    wire_out = wire is False and bool(coronary or edge or cto)
    if (
        perforated
        or tamponade
        or wire_out
        or (flow and (coronary or hematoma or (stent and edge) or later))
    ):
        strategy = "manage_complication_first"
    elif stent:
        strategy = "stent_optimisation"
    elif (
        expanded and crossed is not False and not (difference is not None and difference < TOO_SMALL_CAPPED)
        and (c_cat or not (difference is not None and difference < TOO_SMALL))
        and ((strength and (get("calcium_fracture") is True or (modified is not None and modified != "none")
                            or balloon in ("cutting", "super_high_pressure")))
             or (not high and (((grade in ("II", "III") or deep_only) and strength) or grade == "I" or present is False)))
    ):  # fmt: skip
        strategy = "proceed_to_stent"
    elif high:
        strategy = "active_modification"
    elif grade in ("II", "III") or (
        grade == "I" and expanded is False and balloon == "semi_compliant"
    ):
        strategy = "stepwise_balloon"
    elif grade == "I":
        strategy = "semi_compliant_predilation"
    elif deep_only:
        strategy = "deep_calcium_balloon_first"
    elif present is False:
        strategy = "standard_preparation"
    else:
        strategy = ""
    if strategy:
        add("strategy:" + strategy)
    active = strategy == "active_modification"
    # devices
    indicated: set[str] = set()
    if active:
        if not deep_only or uncrossable:
            indicated.add(RA)
        if not deep_only:
            indicated.add(OA)
        indicated.add(IVL)
        if not uncrossable:
            indicated |= {CB, SB, NCB, SHP}
            for device in (CB, SB, NCB):
                add("indicatedAsAdjunct:" + device)
        if uncrossable or undilatable:
            indicated.add(ELCA)
    elif strategy == "stepwise_balloon":
        indicated |= {NCB, CB, SB}
    elif strategy == "semi_compliant_predilation":
        indicated.add(SCB)
    elif strategy == "deep_calcium_balloon_first":
        indicated.add(NCB)
    target, thrombus, before = (
        get("target_vessel"),
        get("thrombus"),
        get("dissection_before_modification"),
    )
    lvef, presentation, shock = (
        get("lvef_percent"),
        get("presentation"),
        get("cardiogenic_shock"),
    )
    favoured: set[str] = set()
    low_reserve = get("only_patent_vessel") or (lvef is not None and lvef <= 30) or shock
    pulses_left = not (pulses := get("ivl_pulses_delivered")) or pulses < 80
    failed = expanded is False
    graft = target in ("vein_graft", "arterial_graft")
    if uncrossable:
        if not low_reserve:
            favoured.add(RA)
    elif (
        pulses_left and (deep_only or ring) and not (failed and balloon == "lithotripsy") and not get("in_stent") and not graft
        and not cto and presentation != "stemi" and not thrombus
    ):  # fmt: skip
        favoured.add(IVL)
    if active and not uncrossable and modified in (RA, OA, "laser") and balloon not in STRONG:
        favoured.add(NCB)
    if strategy == "semi_compliant_predilation":
        favoured.add(SCB)
    elif strategy == "deep_calcium_balloon_first":
        favoured.add(NCB)
    forbidden: set[str] = set()
    hindered: set[str] = set()
    if get("wire_crossed") is False:
        hindered.update(DEVICES)
    if thrombus or target == "vein_graft" or before:
        forbidden.add(RA)
    if (
        target in ("vein_graft", "arterial_graft") or get("in_stent") or thrombus or get("only_patent_vessel") or before
        or (coronary and get("dissection_depth") in ("medial", "adventitial")) or get("surgical_candidate") is False or get("pregnant")
        or ((age := get("age_years")) is not None and age < 18)
    ):  # fmt: skip
        forbidden.add(OA)
    if not pulses_left:
        forbidden.add(IVL)
    if crossed is False or (reference is not None and reference < IVL_LOW):
        hindered.add(IVL)
    if reference is not None and reference < CB_LOW:
        hindered.add(CB)
    usable: set[str] = set()
    for device in DEVICES:
        if device in indicated:
            add("indicated:" + device)
        if device in favoured:
            add("favoured:" + device)
        if device in hindered:
            add("hindered:" + device)
        if device in forbidden:
            add("contraindicated:" + device)
        elif device in indicated and device in hindered:
            add("unavailable:" + device)
        elif device in indicated:
            usable.add(device)
            add("usable:" + device)
            add(("preferred:" if device in favoured else "suitable:") + device)
        else:
            add("notIndicated:" + device)
    # cautions
    lesion_length, angle = get("lesion_length_mm"), get("angulation_deg")
    if failed and balloon in FAILED:
        add(f"caution:{FAILED[balloon]}-failed_last_time")
    if angle is not None:
        if angle > 60:
            add("caution:rotational_atherectomy-angulation_gt_60")
            add("caution:super_high_pressure_balloon-angulation_gt_60")
        if angle >= 45:
            add("caution:cutting_balloon-angle_ge_45")
    if lesion_length is not None and lesion_length > 20:
        add("caution:cutting_balloon-length_gt_20")
        if lesion_length > 25:
            add("caution:rotational_atherectomy-long_lesion_gt_25")
    if (get("calcium_length_mm") or 0) > 60:
        add("caution:intravascular_lithotripsy-length_gt_60")
    if lvef is not None and lvef <= 30:
        add("caution:rotational_atherectomy-lv_dysfunction")
        if lvef <= 25:
            add("caution:orbital_atherectomy-lvef_not_studied")
    if presentation == "stemi":
        add("caution:rotational_atherectomy-stemi_off_label")
    if presentation == "stemi" or thrombus:
        add("caution:intravascular_lithotripsy-not_studied_acute")
    if presentation == "stemi" or thrombus or shock:
        add("caution:super_high_pressure_balloon-not_studied_acute")
    if graft:
        add("caution:intravascular_lithotripsy-off_label_graft")
        add("caution:super_high_pressure_balloon-graft_rupture")
    if shock:
        add("caution:rotational_atherectomy-shock_mortality")
    if get("only_patent_vessel"):
        add("caution:rotational_atherectomy-last_vessel")
    if coronary:
        add("caution:rotational_atherectomy-dissection_present")
        add("caution:intravascular_lithotripsy-dissection_present")
        add("caution:super_high_pressure_balloon-dissection_present")
    if active and not uncrossable and not undilatable:
        add("caution:orbital_atherectomy-no_gain_over_balloon")
    no_size = False
    if reference is not None:
        if f["burr_limit_mm"] < SMALLEST_BURR or (
            f["smallest_burr_mm"] > BURRS[-1] and not uncrossable
        ):
            add("caution:rotational_atherectomy-no_burr_fits")
        if reference < IVL_LOW:
            add("caution:orbital_atherectomy-small_vessel_unverified")
        if reference > LARGEST:
            add("caution:intravascular_lithotripsy-largest_balloon_undersized")
            add("caution:cutting_balloon-largest_balloon_undersized")
        if c_cat and reference < CAPPED:
            no_size = True
            add("caution:intravascular_lithotripsy-no_size_within_cap")
    if get("in_stent"):
        add("caution:intravascular_lithotripsy-off_label_in_stent")
        add("caution:rotational_atherectomy-in_stent_lesion")
    if cto:
        add("caution:intravascular_lithotripsy-off_label_cto")
    if get("cardiac_implantable_device"):
        add("caution:intravascular_lithotripsy-pacing_capture")
    if thrombus:
        add("caution:cutting_balloon-thrombus")
    if present:
        add("caution:cutting_balloon-label_excludes_calcium")
    if c_cat:
        add("caution:super_high_pressure_balloon-c_cat_rupture")
    if grade == "IV":
        add("caution:excimer_laser-heavy_calcium_limit")
    # alerts
    ra, oa, ivl = RA in usable, OA in usable, IVL in usable
    if c_cat:
        add("criticalAlert:c_cat")
        add("advice:downsize_balloon")
        if active and (ra or oa):
            add("advice:ablate_before_balloon")
    if get("mobile_calcium"):
        add("infoAlert:mobile_calcium")
    if ra and (target in ("rca", "left_main") or (target == "lcx" and get("dominant_lcx"))):
        add("infoAlert:pacing_standby")
        add("advice:temporary_pacing_ready")
    if ra or oa or cto or target == "left_main":
        add("infoAlert:perforation_risk")
        if ra:
            add("factor:rotational_atherectomy")
        if oa:
            add("factor:orbital_atherectomy")
        if cto:
            add("factor:chronic_total_occlusion")
        if target == "left_main":
            add("factor:left_main")
    if ra and presentation == "stemi":
        add("warningAlert:ra_in_stemi")
    if get("nodule_type") == "eruptive":
        add("warningAlert:eruptive_nodule")
    if (
        active
        and get("wire_crossed") is not False
        and not (ra or oa or ivl)
        and (SHP not in usable or (failed and balloon == "super_high_pressure"))
    ):
        add("criticalAlert:no_usable_device")
        add("advice:heart_team")
    if not pulses_left and active:
        add("warningAlert:ivl_pulse_limit")
        add("advice:change_strategy")
    if active and (ra or oa) and low_reserve:
        add("warningAlert:low_reserve")
        add("advice:heart_team")
        add("advice:circulatory_support_ready")
    if cto and (ra or oa) and wire is not True:
        add("warningAlert:wire_in_occlusion")
        add("advice:confirm_wire_true_lumen")
    if get("wire_crossed") is False:
        add("infoAlert:wire_not_crossed")
    if (
        active
        and uncrossable
        and (deep or ring or get("imaging_catheter_crossed") is False)
        and ra
        and not (reference is not None and reference < IVL_LOW)
        and not no_size
        and pulses_left
    ):
        add("infoAlert:combined_modification")
        add("advice:ra_then_ivl")
    # stent
    optimising = strategy == "stent_optimisation"
    inside = get("stent_postdilation_balloon")
    dilated = inside is not None and inside != "none"
    undilated = not dilated and not hematoma and not coronary
    verdicts: list[bool | None] = [None, None, None]
    if (mla is not None and mla > AREA and target is not None and target != "left_main") or (
        ratio is not None and ratio >= 90
    ):
        verdicts[0] = True
    elif ((mla is not None and mla <= AREA) or target == "left_main") and ratio is not None:
        verdicts[0] = False
    burdens = get("distal_edge_plaque_burden_percent"), get("proximal_edge_plaque_burden_percent")
    if any(burden is not None and burden >= 50 for burden in burdens):
        verdicts[1] = False
    elif None not in burdens:
        verdicts[1] = True
    media, edge_length = get("edge_dissection_reaches_media"), get("edge_dissection_length_mm")
    if stent and (
        edge is False or media is False or (edge_length is not None and edge_length <= 3)
    ):
        verdicts[2] = True
    elif edge and media and edge_length is not None:
        verdicts[2] = False
    for name, verdict, advice in zip(
        ("ultimate_area", "ultimate_plaque_burden", "ultimate_edge_dissection"),
        verdicts,
        ("post_dilate_non_compliant", "extend_stent_coverage", "treat_edge_dissection"),
        strict=True,
    ):
        if verdict:
            add("criterionMet:" + name)
        elif verdict is False:
            add("criterionNotMet:" + name)
            if optimising and (undilated or not advice.startswith("post")):
                add("stentAdvice:" + advice)
    if False in verdicts:
        add("criterionNotMet:ultimate_optimal")
    elif None not in verdicts:
        add("criterionMet:ultimate_optimal")
    by_distal = None if expansion_distal is None else expansion_distal > 100
    by_mean = None if expansion_mean is None else expansion_mean > 80
    stent_length = get("stent_length_mm")
    verdict = by_distal if by_distal is by_mean else None
    if stent_length is not None:
        verdict = by_distal if stent_length >= 28 else by_mean
    elif by_distal is not by_mean:
        verdict = None
    if verdict:
        add("criterionMet:optivus_expansion")
    elif verdict is False:
        add("criterionNotMet:optivus_expansion")
        if optimising and undilated:
            add("stentAdvice:post_dilate_non_compliant")
    small = verdicts[0] is False or (expansion_mean is not None and expansion_mean < 80)
    if optimising and dilated and small:
        add("warningAlert:resistant_underexpansion")
        left = False
        if not hematoma and not coronary:
            if inside == "non_compliant" and not c_cat:
                left = True
                add("stentAdvice:post_dilate_super_high_pressure")
            if (
                present and inside != "lithotripsy" and pulses_left and not no_size
                and not (reference is not None and reference < IVL_LOW)
            ):  # fmt: skip
                left = True
                add("stentAdvice:lithotripsy_in_stent")
        if not left:
            add("stentAdvice:heart_team")
    gap, gap_length = get("malapposition_distance_mm"), get("malapposition_length_mm")
    if gap is not None and gap_length is not None and gap >= MALAPPOSED and gap_length > 1:
        add("infoAlert:malapposition")
    # complications
    if wire_out:
        add("criticalAlert:wire_in_false_lumen")
        add("advice:heart_team" if stent else "advice:rewire_before_stenting")
    dissected_now = bool(coronary or (edge and (flow or wire is False)))
    if flow and later and not (dissected_now or hematoma or perforated or tamponade):
        add("criticalAlert:slow_flow")
        add("advice:find_cause_of_slow_flow")
    if dissected_now:
        add("alert:dissection")
        add("criticalAlert:dissection" if flow else "warningAlert:dissection")
        add("advice:identify_entry_tear")
        add("advice:measure_extent")
        layer, dissected, dissection_arc = (
            get("dissection_depth"),
            get("dissection_length_mm"),
            get("dissection_arc_deg"),
        )
        if wire is None:
            add("advice:confirm_wire_true_lumen")
        if wire is not False:
            watch = (
                layer == "intimal"
                and flow is False
                and not (dissection_arc is not None and dissection_arc > 60)
            )
            cover = not perforated and (
                flow
                or (
                    layer in ("medial", "adventitial")
                    and dissected is not None
                    and dissected > 3
                    and (stent or strategy == "proceed_to_stent")
                )
            )
            if watch:
                add("advice:observe_dissection")
            if cover:
                add("advice:stent_dissection")
                if high and expanded is not True and stent is not True:
                    add("warningAlert:stent_in_unprepared_calcium")
            if not watch and not cover:
                add("advice:reimage_dissection")
    if hematoma:
        add("alert:intramural_hematoma")
        add("criticalAlert:intramural_hematoma" if flow else "warningAlert:intramural_hematoma")
        beyond = get("hematoma_beyond_stent_edge")
        watch = (
            flow is False and (beyond is False or stent is False) and strategy != "proceed_to_stent"
        )
        cover = wire is not False and (flow or beyond)
        if watch:
            add("advice:observe_hematoma")
        if cover:
            add("advice:cover_entry_and_distal_end")
            add("advice:fenestrate_cutting_balloon")
        if not watch and not cover:
            add("advice:reimage_hematoma")
    if perforated:
        add("alert:perforation")
        add(
            "criticalAlert:perforation"
            if tamponade or flow or perforation in ("ellis_3", "ellis_3_cavity")
            else "warningAlert:perforation"
        )
        add("advice:observe_with_echo")
        if perforation != "ellis_1":
            add("advice:echo_now")
        if perforation == "ellis_2":
            add("advice:prolonged_balloon_inflation")
            add("advice:covered_stent_if_leaking")
        elif perforation == "ellis_3":
            out |= {
                "advice:balloon_tamponade",
                "advice:reverse_anticoagulation",
                "advice:covered_stent",
                "advice:surgery_if_uncontrolled",
            }
        elif perforation == "ellis_3_cavity":
            add("advice:balloon_tamponade")
            add("advice:covered_stent")
        elif perforation == "ellis_5":
            add("advice:balloon_tamponade")
            add("advice:distal_embolisation")
    if tamponade:
        add("criticalAlert:tamponade")
        add("advice:pericardiocentesis")
        if not perforated:
            add("advice:find_bleeding_site")
    if get("covered_stent_implanted") and get("covered_stent_fully_expanded") is not True:
        add("warningAlert:covered_stent")
        add(
            "advice:post_dilate_covered_stent"
            if get("covered_stent_fully_expanded") is False
            else "advice:verify_covered_stent_with_ivus"
        )
    if get("recurrent_ischemia_after_stent"):
        add("criticalAlert:recurrent_ischemia")
        add("advice:image_for_cause")
    # prognosis, comparisons, sizes
    score = get("patient_ivus_calcium_score")
    if score is not None and score >= 85:
        add("prognosis:neleman_high")
    if points >= 2:
        add("prognosis:underexpansion_risk")
    add("prognosis:ivus_guidance")
    if ra and oa:
        add("comparison:ra_vs_oa")
    if ra and ivl:
        add("comparison:ra_vs_ivl")
    if ivl:
        add("comparison:ivl_vs_conventional")
        if CB in usable:
            add("comparison:cutting_vs_ivl")
        if SHP in usable:
            add("comparison:shp_vs_ivl")
    if nodule:
        add("prognosis:nodule_more_events")
    if reference is not None:
        limit = reference
        if c_cat:
            limit = f["max_balloon_diameter_mm"] = f["downsized_balloon_mm"]
        low, top = f["smallest_burr_mm"], f["burr_limit_mm"]
        if ra and top >= SMALLEST_BURR and (uncrossable or low <= BURRS[-1]):
            f["burr_diameter_min_mm"] = (
                SMALLEST_BURR if uncrossable else next(burr for burr in BURRS if burr >= low)
            )
            f["burr_diameter_max_mm"] = next(burr for burr in reversed(BURRS) if burr <= top)
        f["ivl_balloon_limit_mm"] = limit
        if ivl:
            for size in SIZES:
                if limit >= size:
                    f["ivl_balloon_diameter_mm"] = size
                    break
    return f, out
