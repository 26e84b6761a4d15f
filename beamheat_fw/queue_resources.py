"""What a firework may ask of the queue: resources, never commands.

FireWorks copies ``_queueadapter`` of a spec over the site's queue adapter, ``pre_rocket`` and
``rocket_launch`` included, and writes each value into the job's script as it is.
"""

from __future__ import annotations

import re
from typing import Any, Final

#: The resources of FireWorks' templates for Slurm and PBS, by their names there.
RESOURCES: Final = frozenset(
    (
        *("nodes", "ntasks", "ntasks_per_node", "ntasks_per_core", "cpus_per_task", "core_spec"),
        *("gpus", "gpus_per_node", "gpus_per_task", "gpu-bind", "gres", "mem", "mem_per_cpu", "license"),
        *("walltime", "time_min", "queue", "qos", "account", "constraint", "exclude_nodes", "signal"),
        *("nnodes", "ppnode", "mppwidth", "pmem", "filesystems", "group_name", "select"),
    )
)
#: No space, quote, newline or sign that a shell would act on, wherever a site's template puts the value.
_PLAIN = re.compile(r"[A-Za-z0-9_.,:=+@%\[\]-]*")


def is_resource(key: str, value: Any) -> bool:
    """Tell whether a value of ``_queueadapter`` can only be a resource."""
    is_plain = value is None or type(value) in (int, float) or isinstance(value, str)
    return key in RESOURCES and is_plain and _PLAIN.fullmatch(str(value)) is not None
