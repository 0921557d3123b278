"""In place of PyTorch where nothing is computed: importing it under Wine takes longer than most tests.

Every name leads to a `Nothing`, which can be called, subclassed, entered and compared. As a decorator it
leaves what it decorates as it is.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, MethodType, ModuleType

IS_STANDIN = True


class Nothing:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __init_subclass__(cls, **_: object) -> None:
        pass

    def __mro_entries__(self, _bases: object) -> tuple[type, ...]:
        return (Nothing,)

    def __getattr__(self, name: str) -> "Nothing":
        return named(name)

    def __call__(self, *arguments: object, **_: object) -> object:
        is_decorator = len(arguments) == 1 and isinstance(arguments[0], FunctionType | MethodType | type)
        return arguments[0] if is_decorator else Nothing()

    def __getitem__(self, _key: object) -> "Nothing":
        return Nothing()

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __or__(self, _other: object) -> "Nothing":
        return Nothing()

    __ror__ = __or__

    def __bool__(self) -> bool:
        return False

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nothing)

    def __hash__(self) -> int:
        return 1


def named(name: str) -> Nothing:
    if name.startswith("__"):
        raise AttributeError(name)
    return Nothing()


class Module(ModuleType):
    def __getattr__(self, name: str) -> Nothing:
        return named(name)


class Finder(MetaPathFinder, Loader):
    """Any module of PyTorch's."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.startswith("torch.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


sys.meta_path.insert(0, Finder())


def __getattr__(name: str) -> Nothing:
    return named(name)
