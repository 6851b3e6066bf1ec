"""Turns Rampart's 4-bit weights into a network that computes in 8-bit whole numbers.

The weights come for ONNX Runtime's ``MatMulNBits``, which unpacks them and then multiplies in
floating point. Whole numbers take less than half the time on a processor of the last years. What
a token's numbers are scaled by depends on that token alone, so it does not matter which texts are
read together. Weights keep 7 bits: with 8, processors without VNNI instructions would saturate,
and one text would be masked differently on two machines.

A model is a tree of protocol buffers (onnx.proto); only what is changed is looked into, the rest is
copied byte by byte. The package ``onnx`` would do it too, for 18 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_GRAPH = 7
_NODE, _INITIALIZER = 1, 5
_INPUT, _OUTPUT, _NAME, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 3, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_INT = 1, 3
_DIMS, _DATA_TYPE, _TENSOR_NAME, _RAW = 1, 2, 8, 9
_FLOAT, _UINT8, _INT8, _INT64 = 1, 2, 3, 7

_MOST_WEIGHT = 63
# A token's numbers are divided by the greatest of them and lie between -1 and 1.
_ZERO, _STEPS = 128, 127
# GELU gives nothing below -0.17: more of the 256 steps are left for what is above.
_GELU_ZERO, _GELU_STEPS, _GELU_LEAST = 32, 223, 1.2
_CONTRIB = "com.microsoft"


@dataclass(frozen=True, slots=True)
class _Product:
    """A ``MatMulNBits`` node."""

    name: str
    inputs: Sequence[str]
    output: str
    sizes: dict[str, int]

    @property
    def follows_gelu(self) -> bool:
        return self.name.endswith("/output/dense/MatMul_Q4") and "/attention/" not in self.name


def in_whole_numbers(model: bytes) -> bytes:
    """The same network with 8-bit products in place of the 4-bit ones."""
    return b"".join(
        _field(_GRAPH, _graph(body)) if number == _GRAPH and body is not None else raw
        for number, body, raw in _fields(model)
    )


def _graph(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    tensors = dict(_raw_tensor(body) for n, body, _ in fields if n == _INITIALIZER and body)
    kept: list[bytes] = []
    added = _constants()
    replaced: set[str] = set()
    scaled: dict[str, str] = {}
    for number, body, raw in fields:
        product = _product(body) if number == _NODE and body is not None else None
        if product is None:
            kept.append(raw)
            continue
        whole, scales = _weights(product, tensors)
        added += [
            _tensor(f"{product.name}|weights", whole, _INT8),
            _tensor(f"{product.name}|scales", scales, _FLOAT),
        ]
        kept += [_field(_NODE, node) for node in _nodes(product, scaled)]
        replaced.update(product.inputs[1:])
    return b"".join(raw for raw in kept if not _is_initializer_of(raw, replaced)) + b"".join(
        _field(_INITIALIZER, tensor) for tensor in added
    )


def _is_initializer_of(raw: bytes, names: set[str]) -> bool:
    number, body, _ = next(_fields(raw))
    return number == _INITIALIZER and body is not None and _raw_tensor(body)[0] in names


def _nodes(product: _Product, scaled: dict[str, str]) -> Iterator[bytes]:
    """Scale the input, unless that was done for another product, multiply, scale back."""
    source, name = product.inputs[0], product.name
    kind = "|gelu" if product.follows_gelu else "|plain"
    step, zero = f"{kind}|step", f"{kind}|zero"
    if source not in scaled:
        scaled[source] = name
        if product.follows_gelu:
            yield _node("ReduceMax", [source, "|axis"], f"{name}|greatest")
            yield _node("Max", [f"{name}|greatest", "|gelu|least"], f"{name}|size")
        else:
            yield _node("Abs", [source], f"{name}|absolute")
            yield _node("ReduceMax", [f"{name}|absolute", "|axis"], f"{name}|size")
        yield _node("Div", [source, f"{name}|size"], f"{name}|unit")
        yield _node("QuantizeLinear", [f"{name}|unit", step, zero], f"{name}|whole")
    first = scaled[source]
    inputs = [f"{first}|whole", f"{name}|weights", step, f"{name}|scales", zero]
    yield _node("MatMulIntegerToFloat", inputs, f"{name}|product", _CONTRIB)
    yield _node("Mul", [f"{name}|product", f"{first}|size"], product.output)


def _constants() -> list[bytes]:
    import numpy as np

    return [
        _tensor("|plain|step", np.array(1 / _STEPS, np.float32), _FLOAT),
        _tensor("|plain|zero", np.array(_ZERO, np.uint8), _UINT8),
        _tensor("|gelu|step", np.array(1 / _GELU_STEPS, np.float32), _FLOAT),
        _tensor("|gelu|zero", np.array(_GELU_ZERO, np.uint8), _UINT8),
        _tensor("|gelu|least", np.array(_GELU_LEAST, np.float32), _FLOAT),
        _tensor("|axis", np.array([-1], np.int64), _INT64),
    ]


def _weights(product: _Product, tensors: dict[str, bytes]) -> tuple[Any, Any]:
    """Whole numbers, a row for each number that comes in, and a scale for each that goes out."""
    import numpy as np

    rows, block = product.sizes["N"], product.sizes["block_size"]
    packed, scales, *zeros = (tensors[name] for name in product.inputs[1:])
    values = _halves(packed, rows).reshape(rows, -1, block)
    middle = _halves(zeros[0], rows)[:, : values.shape[1]] if zeros else np.float32(8)
    middle = np.broadcast_to(middle, values.shape[:2])
    scale = np.frombuffer(scales, np.float32).reshape(rows, -1)
    exact = (values - middle[..., None]) * scale[..., None]
    exact = exact.reshape(rows, -1)[:, : product.sizes["K"]].T
    greatest = np.abs(exact).max(axis=0) / _MOST_WEIGHT
    return np.rint(exact / greatest).astype(np.int8), greatest.astype(np.float32)


def _halves(packed: bytes, rows: int) -> Any:
    """Two numbers of 4 bits out of every byte, the lower half first."""
    import numpy as np

    pairs = np.frombuffer(packed, np.uint8).reshape(rows, -1)
    return np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(rows, -1).astype(np.float32)


def _product(node: bytes) -> _Product | None:
    inputs: list[str] = []
    texts: dict[int, str] = {}
    sizes: dict[str, int] = {}
    for number, body, _ in _fields(node):
        if body is None:
            continue
        if number == _INPUT:
            inputs.append(body.decode())
        elif number == _ATTRIBUTE:
            parts = {n: (inner, raw) for n, inner, raw in _fields(body)}
            if _ATTRIBUTE_INT in parts:
                name = parts[_ATTRIBUTE_NAME][0] or b""
                sizes[name.decode()] = _varint(parts[_ATTRIBUTE_INT][1], 1)[0]
        else:
            texts[number] = body.decode()
    if texts.get(_OPERATOR) != "MatMulNBits":
        return None
    return _Product(texts[_NAME], inputs, texts[_OUTPUT], sizes)


def _raw_tensor(tensor: bytes) -> tuple[str, bytes]:
    parts = {number: body for number, body, _ in _fields(tensor) if body is not None}
    return parts[_TENSOR_NAME].decode(), parts.get(_RAW, b"")


def _tensor(name: str, values: Any, data_type: int) -> bytes:
    dims = b"".join(_number(_DIMS, size) for size in values.shape)
    described = dims + _number(_DATA_TYPE, data_type) + _field(_TENSOR_NAME, name.encode())
    return described + _field(_RAW, values.tobytes())


def _node(operator: str, inputs: Sequence[str], output: str, domain: str = "") -> bytes:
    texts = [(_INPUT, name) for name in inputs]
    texts += [(_OUTPUT, output), (_NAME, f"{output}|{operator}"), (_OPERATOR, operator)]
    texts += [(_DOMAIN, domain)] if domain else []
    return b"".join(_field(number, text.encode()) for number, text in texts)


def _fields(message: bytes) -> Iterator[tuple[int, bytes | None, bytes]]:
    """Number, content where it has a length, and all bytes of each field."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        body = None
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                length, at = _varint(message, at)
                body = message[at : at + length]
                at += length
        yield tag >> 3, body, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def _field(number: int, body: bytes) -> bytes:
    return _encoded(number << 3 | 2) + _encoded(len(body)) + body


def _number(number: int, value: int) -> bytes:
    return _encoded(number << 3) + _encoded(value)
