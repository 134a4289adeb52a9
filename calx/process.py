"""Processes that run Calx's own code and nobody else's, wherever they are started.

Python's ``-m`` takes a module from the working directory first, and from ``PYTHONPATH`` next;
either may hold a foreign ``calx.py`` or ``json.py``. So each process of the service is started
here: isolated (``-I``), from the very files of the Calx that starts it.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__)
HOME = HERE.parents[1]
"""The folder that holds the package `calx`."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this Calx, such as ``calx.api.sparql.worker``, in a
    process of its own.
    """
    return [sys.executable, "-I", str(HERE), module, *arguments]


def _run(module: str) -> None:
    """Run a module of this Calx as the main one; what else lies in `HOME` counts last."""
    import runpy
    from importlib.util import module_from_spec, spec_from_file_location

    sys.path.append(str(HOME))
    spec = spec_from_file_location("calx", HERE.with_name("__init__.py"))
    assert spec is not None
    assert spec.loader is not None
    sys.modules["calx"] = package = module_from_spec(spec)
    spec.loader.exec_module(package)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(sys.argv.pop(1))
