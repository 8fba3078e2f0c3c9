"""How a functional model of Keras 2 calls a layer: with what tensors, and with what arguments.

`layer(x, training=True)` lets a layer do in prediction what it does in training. Two kinds of layers are called so in
earnest: dropout that samples (Monte Carlo dropout) and a normalisation by the batch. Any other argument is refused.
"""

from typing import Any

from reprise_kit.compare.errors import InputError

Config = dict[str, Any]

# What `training=True` is in Keras 1's words: its BatchNormalization of mode 2 always takes the batch's statistics.
_SAMPLING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout")
IN_TRAINING: dict[str, Config] = {
    "BatchNormalization": {"mode": 2},
    **{name: {"in_training": True} for name in (*_SAMPLING, "GaussianDropout", "GaussianNoise")},
}


def called(document: Config, class_name: str) -> tuple[list[Any], Config]:
    """Return the sources of a layer's calls, and what their arguments add to its config.

    The sources are [[[name, call, tensor], ...], ...], without arguments. Raises InputError for one that is not known.
    """
    calls = document.get("inbound_nodes") or []
    added = _in_training(document, class_name, [_arguments(call) for call in calls])
    return [[source[:3] for source in _sources(call)] for call in calls], added


def _sources(call: Any) -> list[Any]:
    """Return a call's sources; tf.keras writes a single one without the outer list."""
    if not isinstance(call, list) or not all(isinstance(one, list) for one in call):
        return [call] if isinstance(call, list) else []
    return call


def _in_training(document: Config, class_name: str, said: list[Config]) -> Config:
    if not any(said):
        return {}
    if class_name in IN_TRAINING and all(one == {"training": True} for one in said):
        return IN_TRAINING[class_name]
    given = " ".join(str(next(one for one in said if one)).split())[:80]
    raise InputError(
        f"layer {document.get('name')}: it is called with {given}; a call with arguments is not supported, but for "
        f"training=True in every call of {', '.join(sorted(IN_TRAINING))}"
    )


def _arguments(call: Any) -> Config:
    """Return a call's arguments, those that are None or False left out: they change no prediction.

    So does a list of nothing, as `merge` of Keras 2.0 wrote its masks.
    """
    found: Config = {}
    for source in _sources(call):
        arguments = source[3] if isinstance(source, list) and len(source) > 3 else {}
        found |= {key: value for key, value in (arguments or {}).items() if not _says_nothing(value)}
    return found


def _says_nothing(value: Any) -> bool:
    return value in (None, False) or (isinstance(value, list) and all(one is None for one in value))
