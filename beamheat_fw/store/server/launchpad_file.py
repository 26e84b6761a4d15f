"""Which database: the launchpad file in force, and the store behind it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from beamheat_fw.errors import InputError
from beamheat_fw.store.server.embedded import EmbeddedServer
from beamheat_fw.yaml_files import read_mapping

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    from beamheat_fw.store.database import Store

FILE_NAME: Final = "my_launchpad.yaml"
_KNOWN: Final = (
    *("host", "port", "name", "username", "password", "authsource", "uri_mode", "mongoclient_kwargs"),
    *("logdir", "strm_lvl", "user_indices", "wf_user_indices"),
)
#: The types of the settings that lead to the database; each may be left out.
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("host", "name", "username", "password", "authsource"), (str,)),
    "port": (int, str),
    "uri_mode": (bool,),
    "mongoclient_kwargs": (dict,),
}
#: Options of pymongo's client that name a file.
_TLS_FILES: Final = ("tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile")
#: Options of pymongo's client that are a password.
_PASSWORDS: Final = ("password", "tlsCertificateKeyFilePassword")
#: MongoDB's error codes Unauthorized and AuthenticationFailed.
_UNAUTHORISED: Final = 13
_REFUSALS: Final = (_UNAUTHORISED, 18)
#: How long the first contact may take.
CONTACT_MS: Final = 2500


@dataclass(frozen=True)
class LaunchpadFile:
    """What a FireWorks launchpad file says, with credentials from the environment.

    Attributes
    ----------
    path : Path
    settings : dict
        Arguments of FireWorks' LaunchPad. ``BEAMHEAT_DB_USERNAME`` and ``BEAMHEAT_DB_PASSWORD`` take
        precedence over the file, so that no password needs to stand in one.
    """

    path: Path
    settings: dict[str, Any] = field(repr=False)

    @property
    def database_name(self) -> str:
        """The name of the database."""
        return self.settings.get("name") or "fireworks"

    def client(self) -> MongoClient:
        """Return a client that is not connected yet; timeouts are bounded."""
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        settings = self.settings
        options: dict[str, Any] = {"serverSelectionTimeoutMS": CONTACT_MS, "connectTimeoutMS": CONTACT_MS}
        options |= settings.get("mongoclient_kwargs") or {}
        host = settings.get("host") or "localhost"
        if settings.get("username"):
            source = settings.get("authsource") or (None if settings.get("uri_mode") else self.database_name)
            options |= {"username": settings["username"], "password": settings.get("password")}
            options |= {"authSource": source} if source else {}
        try:
            if not settings.get("uri_mode"):
                options["port"] = int(settings.get("port") or 27017)
            return MongoClient(host, **options)
        except (PyMongoError, ValueError, TypeError) as error:
            # What pymongo makes of a badly escaped password is quoted in its message.
            reason = "the host's user or password may need escaping" if "@" in host else str(error)[:300]
            raise InputError(
                "The launchpad file does not lead to a database",
                "Correct host, port and mongoclient_kwargs; give a password in BEAMHEAT_DB_PASSWORD.",
                {"file": str(self.path), "reason": reason},
            ) from None


def home_folder() -> Path:
    """Return the folder whose database is meant: the working directory's, else the checkout's.

    It is the first of the working directory and its parents that has a ``.beamheat`` folder or a
    my_launchpad.yaml, else the folder that holds this package.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".beamheat").is_dir() or (folder / FILE_NAME).is_file():
            return folder
    return Path(__file__).resolve().parents[2]


def embedded_server(folder: Path | None = None) -> EmbeddedServer:
    """Return the embedded server of a folder; by default of ``.beamheat`` in the home folder."""
    return EmbeddedServer(folder or home_folder() / ".beamheat")


def find_launchpad_file(option: Path | None = None) -> Path:
    """Return the launchpad file in force.

    Parameters
    ----------
    option : Path, optional
        What was given with ``-l``; else ``BEAMHEAT_LAUNCHPAD``, else the embedded server's when that runs,
        else my_launchpad.yaml in the home folder.

    Raises
    ------
    InputError
        There is no such file.
    """
    home = home_folder()
    embedded = EmbeddedServer(home / ".beamheat")
    if option is not None:
        path, said = option, "-l"
    elif named := os.environ.get("BEAMHEAT_LAUNCHPAD"):
        path, said = Path(named), "BEAMHEAT_LAUNCHPAD"
    elif embedded.launchpad_file.is_file() and embedded.is_running():
        return embedded.launchpad_file
    else:
        path, said = home / FILE_NAME, "default"
    if not path.is_file():
        raise InputError(
            "There is no launchpad file",
            "Start the embedded database with `beamheat db start`, or name a file with -l.",
            {"file": str(path), "from": said},
        )
    return path.absolute()


def read_launchpad_file(path: Path) -> LaunchpadFile:
    """Read a launchpad file (YAML or JSON).

    Files of TLS (``tlsCAFile`` and the like in ``mongoclient_kwargs``) may be named from the folder of the
    launchpad file; they come back as absolute paths, since rockets change directory.

    Raises
    ------
    InputError
        It cannot be read, is not a mapping, has keys that FireWorks does not know, or names a file that is
        not there.
    """
    settings = read_mapping(
        path, "launchpad file", "Give a FireWorks launchpad file; `beamheat db start` writes one."
    )
    if unknown := sorted(set(settings) - set(_KNOWN)):
        raise _unusable(path, f"unknown keys {', '.join(map(str, unknown))}")
    for key, kinds in _KINDS.items():
        if not isinstance(settings.get(key), (*kinds, NoneType)):
            raise _unusable(path, f"{key} is no {kinds[0].__name__}")
    if settings.get("uri_mode") and not (settings.get("host") and settings.get("name")):
        raise _unusable(path, "with uri_mode it needs host and name")
    _refuse_open_password(path, settings)
    _find_tls_files(path, settings.get("mongoclient_kwargs") or {})
    for name in ("username", "password"):
        if value := os.environ.get(f"BEAMHEAT_DB_{name.upper()}"):
            settings[name] = value
    return LaunchpadFile(path, settings)


def _find_tls_files(path: Path, options: dict[str, Any]) -> None:
    for name in _TLS_FILES:
        if not isinstance(named := options.get(name), str):
            continue
        file = path.absolute().parent / os.path.expanduser(os.path.expandvars(named))
        if not file.is_file():
            raise InputError(
                "The launchpad file names a file of TLS that is not there",
                f"Correct mongoclient_kwargs.{name}; it is looked for from the launchpad file's folder.",
                {"file": str(path), name: str(file)},
            )
        options[name] = str(file)


def _refuse_open_password(path: Path, settings: dict[str, Any]) -> None:
    """Refuse a file that holds a password and that others may read."""
    host = str(settings.get("host") or "")
    options = settings.get("mongoclient_kwargs") or {}
    in_options = any(options.get(name) for name in _PASSWORDS)
    holds = settings.get("password") or in_options or re.match(r"mongodb(\+srv)?://.*:.*@", host)
    if holds and path.stat().st_mode & 0o077:
        raise InputError(
            "The launchpad file holds a password, and others may read it",
            f"chmod 600 {path}, or take the password out and set BEAMHEAT_DB_PASSWORD.",
            {"file": str(path), "mode": oct(path.stat().st_mode & 0o777)},
        )


def open_store(option: Path | None = None, *, to_write: bool = False) -> Store:
    """Open the store of the launchpad file in force: the database has answered and has this release's schema.

    Parameters
    ----------
    option : Path, optional
        The file asked for.
    to_write : bool
        Whether a user who may only read is refused, before anything is done.

    Raises
    ------
    InputError
        There is no such file, the database does not answer within about three seconds, it refuses the
        credentials, or another release wrote it.
    """
    from pymongo.errors import PyMongoError

    from beamheat_fw.store.schema.versions import ensure_schema

    store, path = _contact(option)
    try:
        ensure_schema(store)
    except PyMongoError as error:
        if to_write or getattr(error, "code", None) != _UNAUTHORISED:
            store.db.client.close()
            raise _no_access(path, error) from None
    except InputError:
        store.db.client.close()
        raise
    return store


def prepare(store: Store, path: Path) -> None:
    """Bring the schema of a database up to date for work in it; one that is away raises as pymongo has it.

    Raises
    ------
    InputError
        Another release wrote the database, or the user of the launchpad file `path` may not write.
    """
    from pymongo.errors import PyMongoError

    from beamheat_fw.store.schema.versions import ensure_schema

    try:
        ensure_schema(store)
    except PyMongoError as error:
        if getattr(error, "code", None) != _UNAUTHORISED:
            raise
        raise _no_access(path, error) from None


@contextmanager
def any_store(option: Path | None = None) -> Iterator[Store]:
    """Give the store of the launchpad file in force, whichever release wrote it.

    Raises
    ------
    InputError
        As `open_store`, or what is done with the store is more than this user may do.
    """
    from pymongo.errors import PyMongoError

    store, path = _contact(option)
    try:
        yield store
    except PyMongoError as error:
        if getattr(error, "code", None) != _UNAUTHORISED:
            raise
        raise _no_access(path, error) from None
    finally:
        store.db.client.close()


def _contact(option: Path | None) -> tuple[Store, Path]:
    from pymongo.errors import PyMongoError

    from beamheat_fw.store.database import Store

    file = read_launchpad_file(find_launchpad_file(option))
    client = file.client()
    try:
        client.admin.command("ping")
        client[file.database_name].command("listCollections", nameOnly=True, authorizedCollections=True)
    except PyMongoError as error:
        client.close()
        raise _no_access(file.path, error) from None
    return Store(client[file.database_name]), file.path


def _no_access(path: Path, error: PyMongoError) -> InputError:
    values = {
        "file": str(path),
        "reason": str(error).split(" (configured timeouts")[0].split(", full error")[0],
    }
    if getattr(error, "code", None) in _REFUSALS:
        return InputError(
            "The database refuses this user",
            "Give one who may write, in BEAMHEAT_DB_USERNAME and BEAMHEAT_DB_PASSWORD.",
            values,
        )
    return InputError(
        "The database does not answer",
        "Start the embedded one with `beamheat db start`, or correct the launchpad file.",
        values,
    )


def _unusable(path: Path, reason: str) -> InputError:
    return InputError(
        "The launchpad file cannot be used",
        "Give a FireWorks launchpad file; `beamheat db start` writes one.",
        {"file": str(path), "reason": reason},
    )
