"""How a LaunchPad connects: in finite time, as who the launchpad file says, and without telling anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: A cut network must show as an error within these times; pymongo would wait for ever.
_PATIENCE = {
    "serverSelectionTimeoutMS": 10_000,
    "connectTimeoutMS": 10_000,
    "socketTimeoutMS": 60_000,
}
#: Options of pymongo's client that are, or hold, a secret.
_SECRET_OPTIONS = ("password", "tlsCertificateKeyFilePassword", "authMechanismProperties")
_URI_CREDENTIALS = re.compile(r"^(mongodb(?:\+srv)?://).*@")


def client_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of pymongo's client for a launchpad's settings."""
    return {**_PATIENCE, **_credentials(settings), **(settings.get("mongoclient_kwargs") or {})}


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a launchpad's settings without what lets anybody in: passwords, wherever they may stand."""
    options = settings.get("mongoclient_kwargs") or {}
    return {
        **settings,
        "password": None,
        "host": _URI_CREDENTIALS.sub(r"\1", str(settings["host"])) if settings.get("host") else None,
        "mongoclient_kwargs": {name: value for name, value in options.items() if name not in _SECRET_OPTIONS},
    }


def _credentials(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client's options that FireWorks forgets where the host is a URI."""
    if not (settings.get("uri_mode") and settings.get("username")):
        return {}
    source = {"authSource": settings["authsource"]} if settings.get("authsource") else {}
    return {"username": settings["username"], "password": settings.get("password"), **source}
