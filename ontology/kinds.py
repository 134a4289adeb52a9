"""The kinds of problems that a guideline can have, and the page of each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "info"]
"""An error: the guideline gives no advice until it is mended. A warning: look at it. Info: nothing
need be done.
"""


class Kind(NamedTuple):
    """What problems of one kind are."""

    severity: Severity
    en: str
    zh: str


KINDS: dict[str, Kind] = {
    # files
    "file": Kind("error", "A file or folder cannot be read", "文件或文件夹无法读取"),
    "encoding": Kind("error", "A file is not UTF-8", "文件不是UTF-8编码"),
    "merge-marks": Kind(
        "error", "Merge conflict marks were left in a file", "文件中残留合并冲突标记"
    ),
    "syntax": Kind("error", "A file is not Turtle", "文件不符合Turtle语法"),
    "header": Kind(
        "error", "The guideline's header, rules or shapes are missing", "缺少指南的头部、规则或形状"
    ),
    # shape of rules
    "profile": Kind(
        "error", "A construct is outside the supported SHACL profile", "使用了不支持的SHACL结构"
    ),
    "number": Kind("error", "A number that cannot be compared", "无法比较的数字"),
    "duplicate-id": Kind("error", "An id stands twice", "标识重复"),
    "unknown-fact": Kind(
        "error",
        "A rule reads something that is no fact, quantity or conclusion",
        "规则读取了不存在的事实、量或结论",
    ),
    "unknown-value": Kind("error", "A value that the fact cannot have", "事实不可能取的值"),
    "unknown-term": Kind(
        "error", "A conclusion that the property cannot have", "该属性不可能有的结论"
    ),
    "layer": Kind(
        "error",
        "A rule reads what its own or a later layer writes",
        "规则读取了同层或后层所写的内容",
    ),
    "nothing-concludes": Kind(
        "error", "A rule reads what no rule concludes", "规则读取的内容没有任何规则能得出"
    ),
    # words
    "label": Kind("error", "A wording is missing", "缺少文字"),
    "translation": Kind("error", "A translation is missing", "缺少译文"),
    "repeated": Kind(
        "error", "A value stands several times where one is meant", "只应有一个的值出现多次"
    ),
    "definition": Kind("error", "A definition is missing", "缺少定义"),
    "unit": Kind(
        "error", "A number has no unit, or one that is not in UCUM", "数值缺少单位或单位不属于UCUM"
    ),
    "source": Kind("error", "A term or study names no source", "术语或研究未注明出处"),
    # evidence
    "no-evidence": Kind("error", "A rule has no supporting evidence", "规则没有支持证据"),
    "unknown-evidence": Kind("error", "Evidence that is not described", "所引证据未描述"),
    "evidence-level": Kind(
        "error", "A study has no type, so no level", "研究没有类型，故无证据等级"
    ),
    "evidence-place": Kind(
        "error",
        "A statement does not say where in the source it stands, or how it was verified",
        "陈述未说明在来源中的位置或核实方式",
    ),
    "literal": Kind(
        "error", "A number in a rule is backed by no statement", "规则中的数字没有陈述支持"
    ),
    "literal-withdrawn": Kind(
        "warning", "A number rests on withdrawn studies alone", "数字仅依据已撤回的研究"
    ),
    "unverified": Kind("error", "Unverified knowledge decides", "未核实的知识参与决策"),
    "suspended": Kind(
        "warning",
        "A rule does not fire: its only support was withdrawn",
        "规则停用：唯一支持已撤回",
    ),
    "unused-statement": Kind("info", "A statement that no rule uses", "没有规则使用的陈述"),
    "unused-study": Kind("info", "A study without a statement", "没有陈述的研究"),
    # terms
    "undefined": Kind("error", "A term is used and not defined", "使用了未定义的术语"),
    "unused": Kind("info", "A term is defined and not used", "已定义而未使用的术语"),
    "enumeration": Kind(
        "error", "The values of a fact and their descriptions have parted", "事实取值与其描述不一致"
    ),
    "mapping": Kind(
        "error", "The table of mappings and the terms have parted", "映射表与术语不一致"
    ),
    "inconsistent": Kind("error", "The terms contradict each other", "术语相互矛盾"),
    "unsatisfiable": Kind("error", "A class can have no member", "类不可能有成员"),
    # what it comes to
    "case-file": Kind("error", "A reference case cannot be read", "参考病例无法读取"),
    "reference-case": Kind("error", "A reference case no longer holds", "参考病例不再成立"),
    "no-case": Kind("warning", "A rule that no reference case fires", "没有参考病例触发的规则"),
}

UNREAD = {
    "file",
    "encoding",
    "merge-marks",
    "syntax",
    "header",
    "profile",
    "number",
    "duplicate-id",
    "unknown-fact",
    "unknown-value",
    "unknown-term",
    "layer",
    "nothing-concludes",
    "repeated",
}
"""Kinds after which the rules are not what the files say, so that nothing can be proved of them."""


PAGES = Path(__file__).parents[1] / "checks"
"""The pages, one a kind: docs/checks in a checkout, beside this package where Calx is installed."""


def page(kind: str) -> str:
    """The page of a kind, as Markdown: what it is, an edit that shows it, how to mend it."""
    return (PAGES / f"{kind}.md").read_text(encoding="utf-8")
