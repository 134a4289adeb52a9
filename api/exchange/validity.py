"""Whether FHIR resources are such, by the R4B models of fhir.resources."""

from __future__ import annotations

from typing import Any

MOST_FAULTS = 24
"""Faults of a resource that are told."""


def invalid(resource: dict[str, Any]) -> list[str]:
    """What is wrong with a resource, by the R4B models."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(str(resource.get("resourceType"))).model_validate(resource)
    except ValidationError as error:
        return [
            (
                f"{'.'.join(str(part) for part in fault['loc']) or resource.get('resourceType')}: "
                f"{fault['msg']}"
            )
            for fault in error.errors()[:MOST_FAULTS]
        ]
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return [f"is not readable as a FHIR resource ({type(error).__name__})"]
    return []


def invalid_extension(extension: dict[str, Any]) -> list[str]:
    """What is wrong with an extension, by the R4B model."""
    from fhir.resources.R4B.extension import Extension
    from pydantic import ValidationError

    try:
        Extension.model_validate(extension)
    except ValidationError as error:
        return [
            f"extension.{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()[:MOST_FAULTS]
        ]
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return [f"extension is not readable ({type(error).__name__})"]
    return []
