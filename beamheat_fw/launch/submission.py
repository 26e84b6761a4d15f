"""Workflows that enter the LaunchPad at most once."""

from __future__ import annotations

from fireworks import LaunchPad, Workflow
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, OperationFailure

from beamheat_fw.errors import StoreError

STEP_KEY = "metadata.step_key"
_TRANSACTIONS_UNSUPPORTED = 20


def prepare_launchpad(launchpad: LaunchPad) -> None:
    """Give a fresh database FireWorks' counters and indexes, and the index that makes step keys unique.

    Unlike ``lpad reset`` it never deletes anything, and it may run any number of times.
    """
    launchpad.fw_id_assigner.update_one(
        {"_id": -1}, {"$setOnInsert": {"next_fw_id": 1, "next_launch_id": 1}}, upsert=True
    )
    launchpad.tuneup()
    launchpad.workflows.create_index(
        STEP_KEY,
        unique=True,
        partialFilterExpression={STEP_KEY: {"$exists": True}},
        name="one_workflow_a_step",
    )
    # What status, doctor and resubmit ask for.
    launchpad.workflows.create_index("metadata.campaign_id")
    for field in ("spec.campaign_id", "spec.job_key"):
        launchpad.fireworks.create_index(field)


def insert_once(launchpad: LaunchPad, workflow: Workflow) -> bool:
    """Insert a workflow unless its step is in the LaunchPad already.

    The workflow and its fireworks enter in one transaction: killed at any point it leaves all or nothing.

    Parameters
    ----------
    launchpad : LaunchPad
        Its server must be a replica set (one member is enough).
    workflow : Workflow
        Its metadata carries a ``step_key``.

    Returns
    -------
    bool
        Whether it was inserted by this call.

    Raises
    ------
    StoreError
        The server is no replica set.
    """
    key = workflow.metadata["step_key"]
    if launchpad.workflows.find_one({STEP_KEY: key}, {"_id": 1}):
        return False
    _assign_ids(launchpad, workflow)
    workflow_document = workflow.to_db_dict()
    firework_documents = [firework.to_db_dict() for firework in workflow.fws]

    def insert(session: ClientSession) -> None:
        launchpad.workflows.insert_one(workflow_document, session=session)
        launchpad.fireworks.insert_many(firework_documents, session=session)

    try:
        with launchpad.db.client.start_session() as session:
            session.with_transaction(insert)
    except DuplicateKeyError:
        return False
    except OperationFailure as error:
        if error.code != _TRANSACTIONS_UNSUPPORTED:
            raise
        raise StoreError(
            "The MongoDB server is not a replica set, so a workflow cannot enter it in one piece",
            "Start mongod with --replSet and initiate a set of one member; an Atlas server is one already.",
        ) from None
    return True


def _assign_ids(launchpad: LaunchPad, workflow: Workflow) -> None:
    """Set root states and final ids, as ``LaunchPad.add_wf`` does before it inserts."""
    for fw_id in workflow.root_fw_ids:
        workflow.id_fw[fw_id].state = "READY"
        workflow.fw_states[fw_id] = "READY"
    fireworks = sorted(workflow.fws, key=lambda firework: firework.fw_id, reverse=True)
    first = launchpad.get_new_fw_id(quantity=len(fireworks))
    new_ids = {}
    for new_id, firework in enumerate(fireworks, start=first):
        new_ids[firework.fw_id] = new_id
        firework.fw_id = new_id
    workflow._reassign_ids(new_ids)
