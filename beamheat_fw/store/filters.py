"""Queries checked against the documents' models: an unknown field or a wrong type is named, never ignored."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from beamheat_fw.errors import InputError
from beamheat_fw.store.campaigns import find_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MODELS, Document

_JOINING: Final = ("$and", "$or", "$nor")
_ONE_VALUE: Final = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")
_SEVERAL_VALUES: Final = ("$in", "$nin", "$all")
_OTHER: Final = ("$exists", "$size", "$regex", "$options")


@dataclass(frozen=True)
class Filters:
    """What `beamheat find` filters by; None is no filter.

    Attributes
    ----------
    formula : str
        Any way of writing the composition; its reduced formula counts.
    tag, state : str
    campaign : str
        Name, id or file.
    since, until : str
        ISO dates of creation, UTC unless they say otherwise; `until` is not included.
    query : mapping
        A MongoDB query on the collection's fields.
    """

    formula: str | None = None
    tag: str | None = None
    campaign: str | None = None
    state: str | None = None
    since: str | None = None
    until: str | None = None
    query: Mapping[str, Any] | None = None


def model_named(collection: str) -> type[Document]:
    """Return the model of a collection.

    Raises
    ------
    InputError
        There is no such collection; the nearest is named.
    """
    if collection not in MODELS:
        raise InputError(
            "There is no such collection", _nearest(collection, MODELS), {"collection": collection}
        )
    return MODELS[collection]


def build_query(store: Store, model: type[Document], filters: Filters) -> dict[str, Any]:
    """Return the MongoDB query of the filters.

    Raises
    ------
    InputError
        The collection has no such field, a value is of the wrong type, or the campaign is not there.
    """
    simple: dict[str, Any] = {}
    if filters.formula is not None:
        simple["formula_pretty"] = _reduced(filters.formula)
    if filters.tag is not None:
        simple["tags"] = filters.tag
    if filters.state is not None:
        simple["state"] = filters.state
    if dates := _dates(filters):
        simple["created_at"] = dates
    query = check_query(model, simple | dict(filters.query or {}))
    if filters.campaign is not None:
        asked_by = "requests.campaign_id" if "requests" in model.model_fields else "campaign_id"
        query[asked_by] = find_campaign(store, filters.campaign).id
    return query


def find_raw(store: Store, model: type[Document], query: Mapping[str, Any], limit: int = 0) -> list[dict]:
    """Return stored documents oldest first; with a limit, the newest ones of them."""
    order = -1 if limit else 1
    cursor = store.collection(model).find(dict(query)).sort([("created_at", order), ("_id", order)])
    found = list(cursor.limit(limit))
    return found[::-1] if limit else found


def check_query(model: type[Document], query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a MongoDB query with its values converted to the types of the model's fields.

    Raises
    ------
    InputError
        A field or operator is unknown, or a value has the wrong type.
    """
    checked: dict[str, Any] = {}
    for name, condition in query.items():
        if name in _JOINING:
            if not isinstance(condition, list):
                raise InputError(
                    "A joined condition needs a list", f"Write {{{name!r}: [...]}}.", {name: condition}
                )
            checked[name] = [check_query(model, part) for part in condition]
        else:
            checked[name] = _check_condition(name, _field_type(model, name), condition)
    return checked


def _check_condition(name: str, kind: Any, condition: Any) -> Any:
    if not (isinstance(condition, dict) and any(str(key).startswith("$") for key in condition)):
        return _check_value(name, kind, condition)
    checked = {}
    for operator, value in condition.items():
        if operator in _ONE_VALUE:
            checked[operator] = _check_value(name, kind, value)
        elif operator in _SEVERAL_VALUES and isinstance(value, list):
            checked[operator] = [_check_value(name, kind, item) for item in value]
        elif operator == "$not":
            checked[operator] = _check_condition(name, kind, value)
        elif operator in _OTHER:
            checked[operator] = value
        else:
            known = (*_ONE_VALUE, *_SEVERAL_VALUES, *_OTHER, "$not")
            raise InputError("This operator cannot be used", _nearest(operator, known), {name: condition})
    return checked


def _check_value(name: str, kind: Any, value: Any) -> Any:
    if kind is Any or value is None:
        return value
    for possible in (kind, *_items(kind)):
        try:
            adapter = _adapter(possible)
            return adapter.dump_python(adapter.validate_python(value))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]["msg"]
    raise InputError("A filter has a value of the wrong type", f"{problem}.", {"field": name, "value": value})


def _field_type(model: type[BaseModel], path: str) -> Any:
    """Return the type of a dotted field; `Any` inside free dicts."""
    first, _, rest = path.partition(".")
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    if first not in fields:
        raise InputError("A filter names an unknown field", _nearest(first, fields), {"field": path})
    kind = fields[first]
    if not rest:
        return kind
    for possible in (kind, *_items(kind)):
        for part in (possible, *get_args(possible)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                return _field_type(part, rest)
    return Any


def _items(kind: Any) -> tuple[Any, ...]:
    """Return the types of single items, for a tuple field: MongoDB matches any item."""
    if get_origin(kind) is tuple:
        return tuple(item for item in get_args(kind) if item is not Ellipsis)
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(item for part in get_args(kind) for item in _items(part))
    return ()


@lru_cache(maxsize=512)
def _adapter(kind: Any) -> TypeAdapter:
    return TypeAdapter(kind)


def _dates(filters: Filters) -> dict[str, datetime]:
    limits = {"$gte": filters.since, "$lt": filters.until}
    return {operator: _date(text) for operator, text in limits.items() if text is not None}


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            "This is not a date", "Write it as 2026-01-31 or 2026-01-31T12:00.", {"date": text}
        ) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _reduced(formula: str) -> str:
    from pymatgen.core import Composition

    try:
        composition = Composition(formula)
    except ValueError:
        composition = Composition()
    if not composition or not composition.valid:
        raise InputError("This is not a formula", "Write it as Au or MgO.", {"formula": formula})
    return composition.reduced_formula


def _nearest(wrong: str, known: Iterable[str]) -> str:
    names = sorted(known)
    nearest = difflib.get_close_matches(wrong, names, n=1, cutoff=0.4)
    return f"Did you mean {nearest[0]!r}?" if nearest else f"Use one of {', '.join(names)}."
