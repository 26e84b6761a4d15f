"""MongoDB's own check of every collection, made from the models: what no program can write past.

The models check whole documents before they are written. The server's ``$jsonSchema`` repeats what it can say
of them: types, required fields, known states, and the schema version, so that a release of another version
cannot mix its documents in, nor a hand in mongosh write a text where a number belongs. Fields that the models
do not know are the models' business: the server lets them pass, so that workers of a release with one more
field go on.
"""

from __future__ import annotations

import types
from datetime import datetime
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from beamheat_fw.store.documents import SCHEMA_VERSION, Document

_NUMBER: Final = ["double", "int", "long"]
_TYPES: Final[dict[Any, Any]] = {
    str: "string",
    bool: "bool",
    int: ["int", "long"],
    float: _NUMBER,
    datetime: "date",
    dict: "object",
}


def validator(model: type[Document]) -> dict[str, Any]:
    """Return the validator of a model's collection."""
    schema = _object(model)
    schema["properties"]["schema_version"] = {"enum": [SCHEMA_VERSION]}
    schema["properties"] |= {name: {"bsonType": "date"} for name in ("created_at", "last_updated")}
    schema["required"] = ["schema_version", *schema.get("required", ())]
    return {"$jsonSchema": schema}


def _object(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = {"bsonType": "object", "properties": {}}
    for name, info in model.model_fields.items():
        schema["properties"][info.alias or name] = _bounded(_schema(info.annotation), info)
    # An empty list of required fields is refused by the server.
    if required := [info.alias or name for name, info in model.model_fields.items() if info.is_required()]:
        schema["required"] = required
    return schema


def _schema(kind: Any) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if origin in (Union, types.UnionType):
        return _any_of(arguments)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return _array(arguments)
    if origin is dict:
        value = _schema(arguments[1])
        return {"bsonType": "object"} | ({"additionalProperties": value} if value else {})
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _object(kind)
    return {"bsonType": _TYPES[kind]}


def _any_of(kinds: tuple[Any, ...]) -> dict[str, Any]:
    possible = [{"bsonType": "null"} if kind is type(None) else _schema(kind) for kind in kinds]
    return {"anyOf": possible}


def _array(kinds: tuple[Any, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"bsonType": "array", "items": _schema(kinds[0])}
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return schema
    return schema | {"minItems": len(kinds), "maxItems": len(kinds)}


def _bounded(schema: dict[str, Any], info: FieldInfo) -> dict[str, Any]:
    for bound in info.metadata:
        if isinstance(bound, Gt):
            schema |= {"minimum": bound.gt, "exclusiveMinimum": True}
        elif isinstance(bound, Ge):
            schema |= {"minimum": bound.ge}
    return schema
