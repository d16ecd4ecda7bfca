"""wellposed finds out how to regularize a neural network.

It trains the network under every regularization technique at once, tells which techniques really help and by how
much, and hands back the best model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellposed.data.dataset import Dataset
    from wellposed.data.read import read
    from wellposed.errors import DataError, StudyError, TechniqueError, WellposedError
    from wellposed.exchange.code import to_code
    from wellposed.exchange.keras import from_keras, save_keras, to_keras
    from wellposed.models.model import Model
    from wellposed.network.mlp import MLP
    from wellposed.recipe import Recipe, parse
    from wellposed.studies.compare import compare
    from wellposed.studies.comparison import Comparison
    from wellposed.studies.prepare import prepare
    from wellposed.techniques.affine import Rotation, Shear, Shift, Zoom
    from wellposed.techniques.augmentation import Mixup
    from wellposed.techniques.averaging import EMA, SWA, Lookahead, Snapshots
    from wellposed.techniques.base import Technique, option, strength, technique
    from wellposed.techniques.capacity import Depth, InitialScale, MagnitudePruning, Width
    from wellposed.techniques.catalog import register
    from wellposed.techniques.constraints import MaxNorm, MinMaxNorm, NonNegative, UnitNorm, WeightDecay
    from wellposed.techniques.gates import L0
    from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue
    from wellposed.techniques.group_lasso import GroupLasso
    from wellposed.techniques.images import Brightness, Elastic, Flip, RandomErasing
    from wellposed.techniques.jacobian import JacobianPenalty
    from wellposed.techniques.masking import FeatureMasking
    from wellposed.techniques.mixing import CMixup, CutMix, Cutout, ManifoldMixup
    from wellposed.techniques.noise import (
        AlphaDropout,
        DropConnect,
        Dropout,
        GaussianDropout,
        GaussianNoise,
        GradientNoise,
    )
    from wellposed.techniques.normalization import BatchNorm, GhostBatchNorm, LayerNorm
    from wellposed.techniques.objectives import ASAM, SAM, Adversarial, Flooding, RDrop
    from wellposed.techniques.optimization import BatchSize, LearningRateSchedule, OptimizerChoice, ScheduleFree
    from wellposed.techniques.penalties import L1, L2, ElasticNet, Orthogonal, ProximalL1
    from wellposed.techniques.spectral import SpectralNorm
    from wellposed.techniques.stopping import BestEpoch, EarlyStopping
    from wellposed.techniques.structure import KHeads, ShakeDrop, ShakeShake, SkipConnections, StochasticDepth
    from wellposed.techniques.targets import ConfidencePenalty, LabelSmoothing
    from wellposed.techniques.weight_norm import WeightNorm
    from wellposed.training.spec import Training

__all__ = [
    "ASAM", "EMA", "L0", "L1", "L2", "MLP", "SAM", "SWA", "Adversarial", "AlphaDropout", "BatchNorm", "BatchSize",
    "BestEpoch", "Brightness", "CMixup", "ClipGlobalNorm", "ClipNorm", "ClipValue", "Comparison", "ConfidencePenalty",
    "CutMix", "Cutout", "DataError", "Dataset", "Depth", "DropConnect", "Dropout", "EarlyStopping", "Elastic",
    "ElasticNet", "FeatureMasking", "Flip", "Flooding", "GaussianDropout", "GaussianNoise", "GhostBatchNorm",
    "GradientNoise", "GroupLasso", "InitialScale", "JacobianPenalty", "KHeads", "LabelSmoothing", "LayerNorm",
    "LearningRateSchedule", "Lookahead", "MagnitudePruning", "ManifoldMixup", "MaxNorm", "MinMaxNorm", "Mixup", "Model",
    "NonNegative", "OptimizerChoice", "Orthogonal", "ProximalL1", "RDrop", "RandomErasing", "Recipe", "Rotation",
    "ScheduleFree", "ShakeDrop", "ShakeShake", "Shear", "Shift", "SkipConnections", "Snapshots", "SpectralNorm",
    "StochasticDepth", "StudyError", "Technique", "TechniqueError", "Training", "UnitNorm", "WeightDecay", "WeightNorm",
    "WellposedError", "Width", "Zoom", "compare", "from_keras", "option", "parse", "prepare", "read", "register",
    "save_keras", "strength", "technique", "to_code", "to_keras",
]  # fmt: skip

__version__ = "0.1.0"

# Names are imported when they are first used: `wellposed --help` and usage errors don't wait for JAX.
_HOME = {
    "Dataset": "wellposed.data.dataset",
    "read": "wellposed.data.read",
    "DataError": "wellposed.errors",
    "StudyError": "wellposed.errors",
    "TechniqueError": "wellposed.errors",
    "WellposedError": "wellposed.errors",
    "to_code": "wellposed.exchange.code",
    "from_keras": "wellposed.exchange.keras",
    "save_keras": "wellposed.exchange.keras",
    "to_keras": "wellposed.exchange.keras",
    "Model": "wellposed.models.model",
    "MLP": "wellposed.network.mlp",
    "Recipe": "wellposed.recipe",
    "parse": "wellposed.recipe",
    "compare": "wellposed.studies.compare",
    "Comparison": "wellposed.studies.comparison",
    "prepare": "wellposed.studies.prepare",
    "Rotation": "wellposed.techniques.affine",
    "Shear": "wellposed.techniques.affine",
    "Shift": "wellposed.techniques.affine",
    "Zoom": "wellposed.techniques.affine",
    "Mixup": "wellposed.techniques.augmentation",
    "EMA": "wellposed.techniques.averaging",
    "SWA": "wellposed.techniques.averaging",
    "Lookahead": "wellposed.techniques.averaging",
    "Snapshots": "wellposed.techniques.averaging",
    "Technique": "wellposed.techniques.base",
    "option": "wellposed.techniques.base",
    "strength": "wellposed.techniques.base",
    "technique": "wellposed.techniques.base",
    "Depth": "wellposed.techniques.capacity",
    "InitialScale": "wellposed.techniques.capacity",
    "MagnitudePruning": "wellposed.techniques.capacity",
    "Width": "wellposed.techniques.capacity",
    "register": "wellposed.techniques.catalog",
    "MaxNorm": "wellposed.techniques.constraints",
    "MinMaxNorm": "wellposed.techniques.constraints",
    "NonNegative": "wellposed.techniques.constraints",
    "UnitNorm": "wellposed.techniques.constraints",
    "WeightDecay": "wellposed.techniques.constraints",
    "L0": "wellposed.techniques.gates",
    "ClipGlobalNorm": "wellposed.techniques.gradients",
    "ClipNorm": "wellposed.techniques.gradients",
    "ClipValue": "wellposed.techniques.gradients",
    "GroupLasso": "wellposed.techniques.group_lasso",
    "Brightness": "wellposed.techniques.images",
    "Elastic": "wellposed.techniques.images",
    "Flip": "wellposed.techniques.images",
    "RandomErasing": "wellposed.techniques.images",
    "JacobianPenalty": "wellposed.techniques.jacobian",
    "FeatureMasking": "wellposed.techniques.masking",
    "CMixup": "wellposed.techniques.mixing",
    "CutMix": "wellposed.techniques.mixing",
    "Cutout": "wellposed.techniques.mixing",
    "ManifoldMixup": "wellposed.techniques.mixing",
    "AlphaDropout": "wellposed.techniques.noise",
    "DropConnect": "wellposed.techniques.noise",
    "Dropout": "wellposed.techniques.noise",
    "GaussianDropout": "wellposed.techniques.noise",
    "GaussianNoise": "wellposed.techniques.noise",
    "GradientNoise": "wellposed.techniques.noise",
    "BatchNorm": "wellposed.techniques.normalization",
    "GhostBatchNorm": "wellposed.techniques.normalization",
    "LayerNorm": "wellposed.techniques.normalization",
    "ASAM": "wellposed.techniques.objectives",
    "SAM": "wellposed.techniques.objectives",
    "Adversarial": "wellposed.techniques.objectives",
    "Flooding": "wellposed.techniques.objectives",
    "RDrop": "wellposed.techniques.objectives",
    "BatchSize": "wellposed.techniques.optimization",
    "LearningRateSchedule": "wellposed.techniques.optimization",
    "OptimizerChoice": "wellposed.techniques.optimization",
    "ScheduleFree": "wellposed.techniques.optimization",
    "L1": "wellposed.techniques.penalties",
    "L2": "wellposed.techniques.penalties",
    "ElasticNet": "wellposed.techniques.penalties",
    "Orthogonal": "wellposed.techniques.penalties",
    "ProximalL1": "wellposed.techniques.penalties",
    "SpectralNorm": "wellposed.techniques.spectral",
    "BestEpoch": "wellposed.techniques.stopping",
    "EarlyStopping": "wellposed.techniques.stopping",
    "KHeads": "wellposed.techniques.structure",
    "ShakeDrop": "wellposed.techniques.structure",
    "ShakeShake": "wellposed.techniques.structure",
    "SkipConnections": "wellposed.techniques.structure",
    "StochasticDepth": "wellposed.techniques.structure",
    "ConfidencePenalty": "wellposed.techniques.targets",
    "LabelSmoothing": "wellposed.techniques.targets",
    "WeightNorm": "wellposed.techniques.weight_norm",
    "Training": "wellposed.training.spec",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'wellposed' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
