"""Problems as RFC 9457 has them, with every fault of a case listed. Never an internal message."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from calx.errors import CalxError
from calx.reasoner.intake.errors import CaseError, Problem, visible
from calx.reasoner.model.names import IRI

KINDS = {
    "invalid-case": (422, "The case cannot be answered", "病例无法解答"),
    "unreadable": (400, "The request cannot be read", "请求无法读取"),
    "bad-query": (400, "The query cannot be answered", "查询无法执行"),
    "refused-query": (
        403,
        "The query asks for what this service does not do",
        "查询请求了本服务不提供的操作",
    ),
    "query-too-long": (504, "The query took too long", "查询超时"),
    "query-too-large": (413, "The query asks for too much", "查询结果过大"),
    "token-needed": (401, "A token is needed", "需要令牌"),
    "wrong-origin": (403, "The request comes from another site", "请求来自其他站点"),
    "not-found": (404, "There is no such thing here", "未找到"),
    "wrong-method": (405, "That cannot be done with this resource", "不支持该方法"),
    "not-acceptable": (406, "None of the forms asked for exists", "没有所请求的格式"),
    "too-slow": (408, "The request took too long to arrive", "请求接收超时"),
    "conflict": (409, "It does not fit what is there", "与现有内容冲突"),
    "invalid-edit": (422, "The edit cannot be taken over", "无法采纳该编辑"),
    "facts-missing": (412, "Facts that the service needs are missing", "缺少必需的信息"),
    "too-large": (413, "The request is too large", "请求过大"),
    "wrong-form": (415, "The request is in a form that is not read here", "不支持该请求格式"),
    "too-many": (429, "Too many requests", "请求过多"),
    "internal": (500, "The service failed", "服务出错"),
    "not-installed": (501, "A part of Calx is not installed here", "本服务未安装所需组件"),
    "not-stored": (503, "The store cannot be used now", "存储暂不可用"),
    "busy": (503, "The service is busy", "服务繁忙"),
}
"""Kinds of problem: status, title in English and in Chinese. `docs/problems.md` tells of each."""
MEDIA = "application/problem+json"


class ServiceError(CalxError):
    """A request that was not fulfilled."""

    def __init__(
        self,
        kind: str,
        detail: str,
        problems: list[Problem] | None = None,
        case_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.kind, self.detail, self.problems, self.case_id, self.headers = (
            kind,
            visible(detail),
            problems or [],
            case_id,
            headers or {},
        )
        super().__init__(detail)

    @property
    def status(self) -> int:
        return KINDS[self.kind][0]

    def json(self) -> dict[str, Any]:
        """The members of RFC 9457, then `case_id` and `problems`."""
        status, title, _ = KINDS[self.kind]
        found: dict[str, Any] = {
            "type": f"{IRI}problem/{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
        }
        if self.case_id:
            found["case_id"] = self.case_id
        if self.problems:
            found["problems"] = [problem.json() for problem in self.problems]
        return found

    def response(self) -> Response:
        return Response(orjson.dumps(self.json()), self.status, self.headers, MEDIA)


def of_case(error: CaseError) -> ServiceError:
    """A case that the gate refused, with everything that is wrong with it."""
    count = len(error.problems)
    return ServiceError(
        "invalid-case",
        f"{count} problem{'s' if count != 1 else ''}; each says what to do",
        error.problems,
        error.case_id,
    )
