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
STRONG = {"non_compliant", "cutting", "scoring", "super_high_pressure"}
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
        if "dissection_before_modification" in f:
            f.setdefault("coronary_dissection", f["dissection_before_modification"])
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
    if arc is not None and arc <= 270 and length270 is None:
        length270 = f["superficial_arc_gt270_length_mm"] = D(0)
    if arc is not None and arc == 0 and nodule is None:
        nodule = f["calcified_nodule"] = False
    stent, crossed = get("stent_implanted"), get("balloon_crossed")
    if get("imaging_catheter_crossed") or crossed or stent:
        f.setdefault("wire_crossed", True)
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
    deep_only = not_excluded and (depth == "deep" or (deep and arc is not None and arc == 0))
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
    uncrossable = not_excluded and (
        crossed is False or (get("imaging_catheter_crossed") is False and crossed is not True)
    )
    if uncrossable:
        high = True
        add("highRiskFeature:uncrossable")
    # strategy
    perforation, tamponade, flow = get("perforation_grade"), get("tamponade"), get("flow_limiting")
    perforated = perforation is not None and perforation != "none"
    coronary, edge, hematoma, wire = (
        get("coronary_dissection"),
        get("edge_dissection"),
        get("intramural_hematoma"),
        get("wire_in_true_lumen"),
    )
    if (
        perforated
        or tamponade
        or (coronary and wire is False)
        or (flow and (coronary or hematoma or (stent and edge)))
    ):
        strategy = "manage_complication_first"
    elif stent:
        strategy = "stent_optimisation"
    elif (
        expanded and crossed is not False
        and ((high and balloon in STRONG and get("calcium_fracture") is True)
             or (not high and (((grade in ("II", "III") or deep_only) and balloon in STRONG)
                               or ((grade == "I" or present is False) and balloon is not None and balloon != "none"))))
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
            indicated |= {CB, SB, NCB}
        if undilatable and balloon != "super_high_pressure":
            indicated.add(SHP)
        if uncrossable or undilatable:
            indicated.add(ELCA)
    elif strategy == "stepwise_balloon":
        indicated |= {NCB, CB, SB}
    elif strategy == "semi_compliant_predilation":
        indicated.add(SCB)
    elif strategy == "deep_calcium_balloon_first":
        indicated.add(NCB)
    favoured: set[str] = set()
    pulses_left = not (pulses := get("ivl_pulses_delivered")) or pulses < 80
    if uncrossable:
        favoured.add(RA)
    elif pulses_left and (deep_only or ring):
        favoured.add(IVL)
    if c_cat:
        favoured |= {RA, OA}
    if strategy == "semi_compliant_predilation":
        favoured.add(SCB)
    elif strategy == "deep_calcium_balloon_first":
        favoured.add(NCB)
    target, thrombus, before = (
        get("target_vessel"),
        get("thrombus"),
        get("dissection_before_modification"),
    )
    forbidden: set[str] = set()
    if get("wire_crossed") is False:
        forbidden.update(DEVICES)
    if thrombus or target == "vein_graft" or before:
        forbidden.add(RA)
    if (
        target in ("vein_graft", "arterial_graft") or get("in_stent") or thrombus or get("only_patent_vessel") or before
        or (coronary and get("dissection_depth") in ("medial", "adventitial")) or get("surgical_candidate") is False or get("pregnant")
        or ((age := get("age_years")) is not None and age < 18)
    ):  # fmt: skip
        forbidden.add(OA)
    if crossed is False or (reference is not None and reference < IVL_LOW):
        forbidden.add(IVL)
    if reference is not None and reference < CB_LOW:
        forbidden.add(CB)
    usable: set[str] = set()
    for device in DEVICES:
        if device in indicated:
            add("indicated:" + device)
        if device in favoured:
            add("favoured:" + device)
        if device in forbidden:
            add("contraindicated:" + device)
        elif device in indicated:
            usable.add(device)
            add("usable:" + device)
            add(("preferred:" if device in favoured else "suitable:") + device)
        else:
            add("notIndicated:" + device)
    # cautions
    lesion_length, angle, lvef, presentation, cto = get("lesion_length_mm"), get("angulation_deg"), get("lvef_percent"), get("presentation"), get("chronic_total_occlusion")  # fmt: skip
    if angle is not None:
        if angle > 60:
            add("caution:rotational_atherectomy-angulation_gt_60")
        if angle >= 45:
            add("caution:cutting_balloon-angle_ge_45")
    if lesion_length is not None and lesion_length > 20:
        add("caution:cutting_balloon-length_gt_20")
        if lesion_length > 25:
            add("caution:rotational_atherectomy-long_lesion_gt_25")
        if lesion_length > 60:
            add("caution:intravascular_lithotripsy-length_gt_60")
    if lvef is not None and lvef < 30:
        add("caution:rotational_atherectomy-lv_dysfunction")
        if lvef <= 25:
            add("caution:orbital_atherectomy-lvef_not_studied")
    if presentation == "stemi":
        add("caution:rotational_atherectomy-stemi_off_label")
    if get("cardiogenic_shock"):
        add("caution:rotational_atherectomy-shock_mortality")
    if get("only_patent_vessel"):
        add("caution:rotational_atherectomy-last_vessel")
    if coronary:
        add("caution:rotational_atherectomy-dissection_present")
    if active and not uncrossable and not undilatable:
        add("caution:orbital_atherectomy-no_gain_over_balloon")
    no_size = False
    if reference is not None:
        if f["burr_limit_mm"] < SMALLEST_BURR:
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
    if cto:
        add("caution:intravascular_lithotripsy-off_label_cto")
    if get("cardiac_implantable_device"):
        add("caution:intravascular_lithotripsy-pacing_capture")
    if not pulses_left:
        add("caution:intravascular_lithotripsy-pulse_limit")
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
    if (active and not (ra or oa or ivl)) or (
        strategy in ("semi_compliant_predilation", "stepwise_balloon", "deep_calcium_balloon_first")
        and not usable
    ):
        add("criticalAlert:no_usable_device")
        add("advice:heart_team")
    if not pulses_left:
        add("warningAlert:ivl_pulse_limit")
        add("advice:change_strategy")
    if (
        active
        and uncrossable
        and (deep or ring)
        and ra
        and not (reference is not None and reference < IVL_LOW)
        and not no_size
        and pulses_left
    ):
        add("infoAlert:combined_modification")
        add("advice:ra_then_ivl")
    # stent
    optimising = strategy == "stent_optimisation"
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
    if edge is False or media is False or (edge_length is not None and edge_length <= 3):
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
            if optimising:
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
        if optimising:
            add("stentAdvice:post_dilate_non_compliant")
    gap, gap_length = get("malapposition_distance_mm"), get("malapposition_length_mm")
    if gap is not None and gap_length is not None and gap >= MALAPPOSED and gap_length > 1:
        add("infoAlert:malapposition")
    # complications
    if coronary or (edge and flow):
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
        if wire is False:
            add("criticalAlert:wire_in_false_lumen")
            add("advice:rewire_before_stenting")
        else:
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
            if not watch and not cover:
                add("advice:reimage_dissection")
    if hematoma:
        add("alert:intramural_hematoma")
        add("criticalAlert:intramural_hematoma" if flow else "warningAlert:intramural_hematoma")
        beyond = get("hematoma_beyond_stent_edge")
        watch = flow is False and (beyond is False or stent is False)
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
            if tamponade or perforation in ("ellis_3", "ellis_3_cavity")
            else "warningAlert:perforation"
        )
        add("advice:observe_with_echo")
        if perforation == "ellis_2":
            add("advice:prolonged_balloon_inflation")
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
            add("advice:distal_embolisation")
    if tamponade:
        add("criticalAlert:tamponade")
        add("advice:pericardiocentesis")
    if get("covered_stent_implanted") and get("covered_stent_fully_expanded") is not True:
        add("warningAlert:covered_stent")
        add(
            "advice:post_dilate_covered_stent"
            if get("covered_stent_fully_expanded") is False
            else "advice:verify_covered_stent_with_ivus"
        )
    if get("recurrent_ischemia_after_stent"):
        add("warningAlert:recurrent_ischemia")
        add("advice:image_for_hematoma")
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
    if ivl and CB in usable:
        add("comparison:cutting_vs_ivl")
    if reference is not None:
        limit = reference
        if c_cat:
            limit = f["max_balloon_diameter_mm"] = f["downsized_balloon_mm"]
        if ra:
            f["burr_diameter_min_mm"], f["burr_diameter_max_mm"] = (
                f["smallest_burr_mm"],
                f["burr_limit_mm"],
            )
        f["ivl_balloon_limit_mm"] = limit
        if ivl:
            for size in SIZES:
                if limit >= size:
                    f["ivl_balloon_diameter_mm"] = size
                    break
    return f, out
