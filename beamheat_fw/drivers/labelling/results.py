"""What one structure's calculation ended in, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from beamheat_fw.errors import IntegrityError
from beamheat_fw.whole_files import write_whole


@dataclass(frozen=True)
class Evaluation:
    """Energy and forces of one structure.

    Attributes
    ----------
    energy_eV : float
        The energy whose negative gradient the forces are: for smeared occupations the electronic free
        energy E - TS. Potentials are trained on it. Dispersion is included.
    energy_zero_smearing_eV : float
        (E + (E - TS)) / 2, the estimate at zero smearing for energy differences; dispersion is included.
    forces_eV_A : ndarray, shape (natoms, 3)
    stress_eV_A3 : ndarray, shape (6,), or None
        Voigt order xx, yy, zz, yz, xz, xy; positive under tension; None where the method has none.
    dispersion_eV : float
        The part of both energies that the dispersion correction contributed.
    iterations : int
        SCF iterations; 0 where there are none.
    start : {'cold', 'warm'}
        Whether it had a start of its own or that of the structure before, moved along.
    """

    energy_eV: float
    energy_zero_smearing_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None = None
    dispersion_eV: float = 0.0
    iterations: int = 0
    start: Literal["cold", "warm"] = "cold"


@dataclass(frozen=True)
class Attempt:
    """One attempt that failed, and what was changed for the next one.

    Attributes
    ----------
    reason : str
        Kind and message of the error.
    correction : str or None
        What the next attempt did differently; None when the ladder had no rung left.
    problem : str or None
        The problem that the ladder recognised, by the name of its class; None when it knew none.
    ranks : int or None
        Ranks that the next attempt needs, where the program had fewer.
    """

    reason: str
    correction: str | None
    problem: str | None = None
    ranks: int | None = None


@dataclass(frozen=True)
class LabelResult:
    """A finished label.

    Attributes
    ----------
    label_id : str
    state : {'completed', 'failed'}
    evaluation : Evaluation or None
        None when failed before there were forces.
    errors : tuple of str
        Why it failed; empty when completed.
    warnings : tuple of str
        What to look at although it completed.
    attempts : tuple of Attempt
        Every attempt that failed on the way.
    run_stats : mapping
        ``wall_s``, ``cpu_s`` (of all ranks), ``ranks``, ``attempts``, ``max_rss_MiB`` (largest rank),
        ``versions`` of the codes, and what the reference tells of the path, such as GPAW's ``layout``.
    """

    label_id: str
    state: Literal["completed", "failed"]
    evaluation: Evaluation | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    run_stats: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_force_eV_A(self) -> float | None:
        """The largest force on an atom, None when there are no forces."""
        if self.evaluation is None:
            return None
        return float(np.linalg.norm(self.evaluation.forces_eV_A, axis=1).max(initial=0.0))

    @property
    def analysis(self) -> dict[str, Any]:
        """Errors, warnings and attempts as a document."""
        return {
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "attempts": [asdict(attempt) for attempt in self.attempts],
        }

    def write(self, path: Path) -> None:
        """Write the result as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data; the inverse of `from_dict`."""
        return {
            "label_id": self.label_id,
            "state": self.state,
            "evaluation": None if self.evaluation is None else _plain_evaluation(self.evaluation),
            "analysis": self.analysis,
            "run_stats": dict(self.run_stats),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LabelResult:
        """Return the result that `to_dict` made plain."""
        analysis = document["analysis"]
        return cls(
            label_id=document["label_id"],
            state=document["state"],
            evaluation=_read_evaluation(document["evaluation"]),
            errors=tuple(analysis["errors"]),
            warnings=tuple(analysis["warnings"]),
            attempts=tuple(Attempt(**attempt) for attempt in analysis["attempts"]),
            run_stats=document["run_stats"],
        )

    @classmethod
    def read(cls, path: Path) -> LabelResult:
        """Read a result file.

        Raises
        ------
        IntegrityError
            The file is not a label's result.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                "A label's result file cannot be read",
                "Delete it: the label is calculated again.",
                {"file": str(path), "reason": f"{type(error).__name__}: {error}"},
            ) from None


def write_json(path: Path, document: Any) -> None:
    """Write a document as JSON, whole or not at all."""
    write_whole(path, json.dumps(document).encode())


def _plain_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    stress = evaluation.stress_eV_A3
    return {
        "energy_eV": evaluation.energy_eV,
        "energy_zero_smearing_eV": evaluation.energy_zero_smearing_eV,
        "forces_eV_A": evaluation.forces_eV_A.tolist(),
        "stress_eV_A3": None if stress is None else stress.tolist(),
        "dispersion_eV": evaluation.dispersion_eV,
        "iterations": evaluation.iterations,
        "start": evaluation.start,
    }


def _read_evaluation(document: Mapping[str, Any] | None) -> Evaluation | None:
    if document is None:
        return None
    stress = document["stress_eV_A3"]
    return Evaluation(
        energy_eV=document["energy_eV"],
        energy_zero_smearing_eV=document["energy_zero_smearing_eV"],
        forces_eV_A=np.array(document["forces_eV_A"], dtype=float).reshape(-1, 3),
        stress_eV_A3=None if stress is None else np.array(stress, dtype=float),
        dispersion_eV=document["dispersion_eV"],
        iterations=document["iterations"],
        # Files of an earlier release do not have it.
        start=document.get("start", "cold"),
    )
