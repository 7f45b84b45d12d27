"""Settings from plain values: typed dataclasses out of JSON, YAML and `name.name=value` words.

Whatever the source, a value is checked against the type of its field, and a mistake is a
UserError that names the field, the value and what is allowed.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from arcbench.errors import MissingExtra, UserError, unknown

_NOTHING = ("null", "none", "~", "")
_FLAGS = {"true": True, "false": False}


class Text(str):
    """A value that was written without a type (in YAML, on the command line).

    It is read as what its field wants: YAML's own rules make a string of 1e-5 and a number of the
    task 00576224.
    """

    __slots__ = ()


# Building


def build(cls: Any, data: Any, where: str = "") -> Any:
    """An instance of the dataclass `cls` from plain values; `where` is its path, "grpo." or ""."""
    if not isinstance(data, Mapping):
        raise UserError(f"config: {where.rstrip('.') or 'the whole'} must be an object of settings"
                        f", not {data!r}")  # fmt: skip
    hints = _hints(cls)
    names = [f.name for f in fields(cls)]
    for key in data:
        if key not in names:
            raise unknown("config field", f"{where}{key}", [f"{where}{n}" for n in names])
    for f in fields(cls):
        if f.default is MISSING and f.default_factory is MISSING and f.name not in data:
            raise UserError(f"config: {where}{f.name} is missing")
    return cls(**{k: _value(hints[k], v, f"{where}{k}") for k, v in data.items()})


def check_fields(part: Any, where: str) -> None:
    """Raise UserError for a field of a dataclass whose value is not of its type."""
    cls: Any = type(part)
    hints = _hints(cls)
    for f in fields(part):
        value, hint = getattr(part, f.name), hints[f.name]
        if not is_dataclass(value):
            _value(hint, value, f"{where}{f.name}")
        elif type(value) not in (get_args(hint) or (hint,)):
            raise UserError(f"config: {where}{f.name} cannot be a {type(value).__name__}")


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return get_type_hints(cls)


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint`; UserError where it is another one."""
    if is_dataclass(hint):
        return build(hint, value, f"{where}.")
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if NoneType in args and (value is None or _is_nothing(value)):
            return None
        kinds = [a for a in args if a is not NoneType]
        if len(kinds) > 1:
            return _one_of(kinds, value, where)
        return _value(kinds[0], value, where)
    if origin is Literal:
        if value not in args:
            raise unknown(f"value of {where}", value, args)
        return str(value)
    if origin is tuple:
        if isinstance(value, Text):
            value = [Text(v.strip()) for v in value.split(",") if v.strip()]
        if not isinstance(value, list | tuple):
            raise UserError(f"config: {where} must be a list, not {value!r}")
        return tuple(_value(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    found = _read(hint, value) if isinstance(value, Text) else value
    if hint is float and type(found) is int:
        found = float(found)
    if type(found) is not hint:
        raise UserError(f"config: {where} must be of type {hint.__name__}, not {value!r}")
    if hint is float and not isfinite(found):
        raise UserError(f"config: {where} must be a finite number, not {value!r}")
    return found


def _one_of(kinds: list[Any], value: Any, where: str) -> Any:
    """One of several dataclasses, told apart by their field `kind`; the first is the default."""
    by_kind = {get_args(_hints(k)["kind"])[0]: k for k in kinds}
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        raise UserError(f"config: {where} must be an object of settings, not {value!r}")
    kind = value.get("kind", next(iter(by_kind)))
    if kind not in by_kind:
        raise unknown(f"value of {where}.kind", kind, by_kind)
    return build(by_kind[kind], value, f"{where}.")


def _is_nothing(value: Any) -> bool:
    return isinstance(value, Text) and value.lower() in _NOTHING


def _read(hint: Any, text: Text) -> Any:
    """The text as the type `hint`, or as it is where it does not read as one."""
    if hint is bool:
        return _FLAGS.get(text.lower(), text)
    if hint is str:
        return str(text)
    try:
        return hint(text)
    except ValueError:
        return text


# Sources


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a .yaml, .yml or JSON file, not checked yet.

    Raises UserError if there is no such file, it is not JSON or YAML, or names a field twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file: {error}") from error
    value = _yaml(text, path) if path.suffix in (".yaml", ".yml") else _json(text, path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds {type(value).__name__}, not an object of settings")
    return value


def _json(text: str, path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return _once(pairs, path)

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}") from error


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the YAML file {path}", "train") from error

    def plain(node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return _once([(str(k.value), plain(v)) for k, v in node.value], path)
        if isinstance(node, yaml.SequenceNode):
            return [plain(v) for v in node.value]
        return Text(node.value)

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return {} if node is None else plain(node)


def _once(pairs: Iterable[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UserError(f"{path} names {key!r} twice in the same place")
        found[key] = value
    return found


def with_changes(data: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Settings with `grpo.learning_rate=1e-5` and the like put in, the last one winning.

    Lists are written a,b and nothing is null. Raises UserError for a word without "=" and for a
    name below a setting that has no parts.
    """
    found: dict[str, Any] = _copy(data)
    for change in changes:
        name, separator, text = change.partition("=")
        path = [part.strip().replace("-", "_") for part in name.split(".")]
        if not separator or not all(path):
            raise UserError(f"--set {change}: write it as name.name=value")
        place = found
        for i, part in enumerate(path[:-1]):
            inside = place.get(part)
            if inside is None or _is_nothing(inside):
                inside = {}
            elif isinstance(inside, str):
                inside = _named(part, inside)
            if not isinstance(inside, dict):
                raise UserError(
                    f"--set {change}: {'.'.join(path[: i + 1])} is {inside!r} and has no parts"
                )
            place[part] = inside
            place = inside
        place[path[-1]] = Text(text.strip())
    return found


def _named(part: str, name: str) -> Any:
    """A group that a file gives by one word: reward: staged, engine: transformers."""
    words = {"reward": "name", "engine": "kind"}
    return {words[part]: name} if part in words else name


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value
