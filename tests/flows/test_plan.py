"""The plan of a campaign counts all the MD that it will do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from beamheat_fw.campaign import parse_campaign
from beamheat_fw.flows.plan import Sizes, plan

WORKFLOWS = Path(__file__).parents[2] / "workflows"


def test_annealing_costs_what_as_much_equilibration_would():
    document = yaml.safe_load((WORKFLOWS / "quickstart.yaml").read_text())

    def heating_hours(**asked) -> float:
        campaign = parse_campaign(document | {"heating": document["heating"] | asked})
        (stage,) = (
            stage
            for stage in plan(campaign, Sizes([36], [144], heated_atoms=60)).stages
            if stage.stage == "heating"
        )
        return stage.core_hours

    annealed = heating_hours(anneal_K=700.0, anneal_ps=21.0)
    # Of the quickstart's 7 ps, 1 is equilibration and 6 are measured.
    assert annealed == pytest.approx(4.0 * heating_hours())
