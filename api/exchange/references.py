"""What FHIR references, identifiers and concepts name: tokens to be held against each other."""

from __future__ import annotations

import re
from typing import Any

from calx.api.exchange.codes import canonical
from calx.api.exchange.lesions import TEXT

ADDRESS = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def short(reference: str) -> str:
    """``Kind/id`` of an absolute address; other references as they are. A version is left out."""
    found = ADDRESS.search(reference)
    return found.group(1) if found else reference


def references(
    value: Any, place: str = "", base: str = "", holder: dict[str, Any] | None = None
) -> frozenset[str]:
    """What references name, whether one or a list of them.

    Args:
        value: a reference, or several.
        place: of the resource that holds them: what it contains is its own.
        base: the address against which relative references count.
        holder: the resource.
    """
    given = value if isinstance(value, list) else [value]
    tokens: set[str] = set()
    for item in objects(given):
        reference, own = item.get("reference"), identifiers([item.get("identifier")])
        if isinstance(reference, str) and reference.startswith("#"):
            within = [
                part
                for part in objects((holder or {}).get("contained"))
                if part.get("id") == reference[1:]
            ]
            own |= {token for part in within for token in identifiers(part.get("identifier"))}
            own = own or {f"{place}{reference}"}
        elif isinstance(reference, str):
            plain = reference.partition("/_history/")[0]
            own.add(base + plain if base and ":" not in plain else plain)
        if not own and isinstance(item.get("display"), str):
            own.add(item["display"].strip().casefold())
        tokens |= own
    return frozenset(tokens)


def body_structures(resource: dict[str, Any]) -> frozenset[str]:
    """Body structures that an extension of FHIR names for the site."""
    return frozenset(
        token
        for holder in (resource, resource.get("bodySite"))
        for extension in objects(holder.get("extension") if isinstance(holder, dict) else None)
        if str(extension.get("url")).rpartition("/")[2].casefold() in ("bodysite", "bodystructure")
        for token in references(extension.get("valueReference"))
    )


def patient_tokens(patient: dict[str, Any]) -> set[str]:
    """What names a patient."""
    tokens = identifiers(patient.get("identifier"))
    return tokens | ({f"Patient/{patient['id']}"} if patient.get("id") else set())


def version_of(entry: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The resource of an entry, and which version of it: empty where it does not say."""
    resource = entry.get("resource")
    if not isinstance(resource, dict) or not resource.get("id"):
        return "", ()
    meta = resource.get("meta") if isinstance(resource.get("meta"), dict) else {}
    number = str((meta or {}).get("versionId") or "")
    name = f"{resource.get('resourceType')}/{resource['id']}"
    return name, ((int(number),) if number.isdecimal() else ())


def negated(element: dict[str, Any]) -> bool:
    return any(
        coding.get("code") in ("NEG", "ND")
        for concept in objects(element.get("interpretation"))
        for coding in objects(concept.get("coding"))
    )


def identifiers(value: Any) -> set[str]:
    return {
        f"{item.get('system') or ''}|{item['value']}"
        for item in objects(value)
        if isinstance(item.get("value"), str)
    }


def concept(value: Any) -> frozenset[str]:
    """The codes of a concept; its words where it has none."""
    if not isinstance(value, dict):
        return frozenset()
    codes = {
        f"{canonical(coding.get('system'))}|{coding['code']}"
        for coding in objects(value.get("coding"))
        if isinstance(coding.get("code"), str)
    }
    text = " ".join(str(value.get("text") or "").split()).casefold()
    return frozenset(codes | ({TEXT + text} if text else set()))


def shown(resource: dict[str, Any]) -> str:
    """The lesion of a resource in words."""
    site = resource.get("bodySite")
    if isinstance(site, dict):
        codings = objects(site.get("coding"))
        words = [site.get("text"), *(c.get("display") for c in codings)]
        words += [c.get("code") for c in codings]
        found = next((str(word) for word in words if word), "")
        if found:
            return found[:60]
    for key in ("focus", "specimen"):
        tokens = sorted(references(resource.get(key)))
        if tokens:
            return tokens[0][:60]
    return ""
