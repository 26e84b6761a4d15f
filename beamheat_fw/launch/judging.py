"""A LaunchPad that loads nothing which names code or files that this worker does not touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fireworks import LaunchPad, Workflow
from fireworks.core.firework import Launch
from fireworks.core.launchpad import get_action_from_gridfs
from gridfs import GridFS
from pymongo.collection import Collection

from beamheat_fw.launch.allow_list import judge


class JudgingLaunchPad(LaunchPad):
    """FireWorks' LaunchPad, which judges raw documents before it makes objects of them.

    Attributes
    ----------
    allowed_tasks : tuple of str
        What `allow_list.judge` lets pass beside the package's own firetasks.
    """

    allowed_tasks: tuple[str, ...] = ()

    def get_fw_dict_by_id(self, fw_id: int) -> dict[str, Any]:
        """Return a firework's document with its launches, refusing what this worker must not import."""
        document = self.fireworks.find_one({"fw_id": fw_id})
        if document is None:
            raise ValueError(f"No Firework exists with id: {fw_id}")
        return self._with_launches(document)

    def _with_launches(self, document: dict[str, Any]) -> dict[str, Any]:
        """Put a firework's launches, judged, in place of their ids; asks for none where there are none."""
        for name in ("launches", "archived_launches"):
            if ids := document[name]:
                launches = self._judged_launches.find({"launch_id": {"$in": ids}})
                document[name] = sorted(launches, key=lambda launch: launch["launch_id"])
        judge(document, self.allowed_tasks)
        return document

    @property
    def _judged_launches(self) -> _Judged:
        return _Judged(self.launches, self.allowed_tasks, self.gridfs_fallback)

    def get_launch_by_id(self, launch_id: int) -> Launch:
        """Return a launch, refusing what this worker must not import: its action may name classes."""
        for launch in self._judged_launches.find({"launch_id": launch_id}):
            return Launch.from_dict(launch)
        raise ValueError(f"No launch exists with launch_id {launch_id}")

    def get_wf_by_fw_id_lzyfw(self, fw_id: int) -> Workflow:
        """Return a workflow whose fireworks and launches are judged as soon as they are loaded."""
        workflow = super().get_wf_by_fw_id_lzyfw(fw_id)
        for firework in workflow.id_fw.values():
            firework._fwc = _Judged(self.fireworks, self.allowed_tasks)
            firework._lc = self._judged_launches
        return workflow


class _Judged:
    """The fireworks or the launches as a lazily loaded firework sees them."""

    def __init__(
        self, documents: Collection, allowed_tasks: tuple[str, ...], large_actions: GridFS | None = None
    ) -> None:
        self._documents = documents
        self._allowed_tasks = allowed_tasks
        self._large_actions = large_actions

    def find_one(self, query: Mapping[str, Any], projection: list[str]) -> dict[str, Any] | None:
        document = self._documents.find_one(query, projection=projection)
        judge(document or {}, self._allowed_tasks)
        return document

    def find(self, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for launch in self._documents.find(query):
            launch["action"] = get_action_from_gridfs(launch.get("action"), self._large_actions)
            judge(launch, self._allowed_tasks)
            yield launch
