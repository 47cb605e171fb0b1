"""Vectors of four and of eight numbers for Numba's kernels, each one register of the processor, or two where registers are smaller.

Whether LLVM joins plain statements into vector instructions is chance; these always are. Sums, differences and products of
two vectors are written with + - *. Vectors exist in compiled code alone, and no index is checked.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types
from numba.core.datamodel import PrimitiveModel

intrinsic: Any = extending.intrinsic  # what it makes has one argument less than is declared
FLOAT, INTEGER = ir.FloatType(), ir.IntType(32)
BYTES_OF_FLOAT = 4
ROUNDED_ONCE = ("contract",)  # a product and a sum may be one instruction


class Vector(types.Type):
    """The type of `size` float32 numbers."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"Vector({size})")


@extending.register_model(Vector)
class _VectorModel(PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(FLOAT, vector.size))


FOUR, EIGHT = Vector(4), Vector(8)


def _shuffled(builder: Any, value: Any, lanes: list[int]) -> Any:
    """A vector of these numbers of a vector."""
    mask = ir.Constant(ir.VectorType(INTEGER, len(lanes)), lanes)
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), mask)


def _pointer(context: Any, builder: Any, kind: Any, values: Any, index: Any, vector: Vector) -> Any:
    """To the number `index` of an array along one axis, as a vector."""
    array = context.make_array(kind)(context, builder, values)
    first = builder.gep(array.data, [index])
    return builder.bitcast(first, ir.VectorType(FLOAT, vector.size).as_pointer())


def _loader(vector: Vector) -> Callable:
    @intrinsic
    def load(typing_context: Any, values: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array, at = arguments
            pointer = _pointer(context, builder, signature.args[0], array, at, vector)
            return builder.load(pointer, align=BYTES_OF_FLOAT)

        return vector(values, index), generate

    return load


load_four = _loader(FOUR)  # (values (n,) float32, index): values[index : index + 4], unchecked
load_eight = _loader(EIGHT)


def _storer(vector: Vector) -> Callable:
    @intrinsic
    def store(typing_context: Any, values: Any, index: Any, numbers: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array, at, value = arguments
            pointer = _pointer(context, builder, signature.args[0], array, at, vector)
            builder.store(value, pointer, align=BYTES_OF_FLOAT)
            return context.get_dummy_value()

        return types.void(values, index, vector), generate

    return store


store_four = _storer(FOUR)  # (values (n,) float32, index, four): values[index : index + 4] = four
store_eight = _storer(EIGHT)


def _repeater(vector: Vector) -> Callable:
    @intrinsic
    def repeat(typing_context: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            empty = ir.Constant(ir.VectorType(FLOAT, vector.size), ir.Undefined)
            one = builder.insert_element(empty, arguments[0], INTEGER(0))
            return _shuffled(builder, one, [0] * vector.size)

        return vector(types.float32), generate

    return repeat


four_of = _repeater(FOUR)  # (number): that number four times
eight_of = _repeater(EIGHT)


def _picker(size: int, lanes: list[int]) -> Callable:
    @intrinsic
    def pick(typing_context: Any, vector: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _shuffled(builder, arguments[0], lanes)

        return Vector(len(lanes))(Vector(size)), generate

    return pick


first_half = _picker(8, [0, 1, 2, 3])  # (eight): its first four
second_half = _picker(8, [4, 5, 6, 7])
twice = _picker(4, [0, 1, 2, 3, 0, 1, 2, 3])  # (four): itself and itself again
# (eight): number 0 (1, 2, 3) of its first half four times, then of its second half
repeat_0, repeat_1, repeat_2, repeat_3 = (_picker(8, [k] * 4 + [k + 4] * 4) for k in range(4))
# (four): one of its numbers four times
four_of_0, four_of_1, four_of_2, four_of_3 = (_picker(4, [k] * 4) for k in range(4))


@intrinsic
def total_of(typing_context: Any, four: Any) -> Any:
    """The sum of the four numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = arguments[0]
        pairs = builder.fadd(value, _shuffled(builder, value, [2, 3, 0, 1]))
        whole = builder.fadd(pairs, _shuffled(builder, pairs, [1, 0, 3, 2]))
        return builder.extract_element(whole, INTEGER(0))

    return types.float32(FOUR), generate


def _register(function: Callable, instruction: str) -> None:
    """Give + - or * of two vectors of one size their meaning."""

    @intrinsic
    def operate(typing_context: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments, flags=ROUNDED_ONCE)

        return left(left, right), generate

    @extending.overload(function)
    def choose(left, right):
        if isinstance(left, Vector) and left == right:
            return lambda left, right: operate(left, right)
        return None


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _register(_function, _instruction)
