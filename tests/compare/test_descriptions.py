"""What is read of the kit's own TOML files: nobody changes it afterwards, and an unknown key is refused."""

import msgspec

from reprise_kit.compare import eras, facts, stage, system  # each describes its part of a file


def described() -> list[type[msgspec.Struct]]:
    found, new = [], list(msgspec.Struct.__subclasses__())
    while new:
        one = new.pop()
        new += one.__subclasses__()
        if one.__module__.startswith("reprise_kit.compare."):
            found.append(one)
    return found


def test_each_is_fixed_and_complete() -> None:
    assert {eras, facts, stage, system} <= {__import__("sys").modules[one.__module__] for one in described()}
    for one in described():
        assert one.__struct_config__.frozen and one.__struct_config__.forbid_unknown_fields, one
