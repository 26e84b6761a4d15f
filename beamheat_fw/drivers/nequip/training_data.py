"""NequIP's data module, going on with the order of frames where a killed training left it."""

from __future__ import annotations

from typing import Any

from nequip.data.datamodule import ASEDataModule


class ResumedASEData(ASEDataModule):
    """NequIP's `ASEDataModule` whose frames are shuffled after a restart as they would have been without.

    A checkpoint holds the state of the generator that shuffles. Lightning hands it over after `setup`, which
    has made the generator anew from the seed by then, and NequIP's own module never looks at it again: a
    resumed training would see the first epochs' orders once more, and end in other weights.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the generators' states from a checkpoint."""
        super().load_state_dict(state_dict)
        if hasattr(self, "train_generator"):
            self.train_generator.set_state(self.train_generator_state)
        if hasattr(self, "generator"):
            self.generator.set_state(self.generator_state)
