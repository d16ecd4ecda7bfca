"""wellposed finds out how to regularize a neural network.

It trains the network under every regularization technique at once, tells which techniques really help and by how
much, and hands back the best model.
"""

from wellposed.data.dataset import Dataset
from wellposed.data.read import read
from wellposed.errors import DataError, StudyError, TechniqueError, WellposedError
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe, parse
from wellposed.studies.compare import Comparison, compare
from wellposed.techniques.augmentation import Mixup
from wellposed.techniques.averaging import EMA, Snapshots
from wellposed.techniques.constraints import MaxNorm, WeightDecay
from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue
from wellposed.techniques.noise import DropConnect, Dropout, GaussianNoise
from wellposed.techniques.normalization import BatchNorm
from wellposed.techniques.objectives import SAM, Flooding, RDrop
from wellposed.techniques.penalties import L1, L2, ElasticNet, ProximalL1
from wellposed.techniques.stopping import BestEpoch, EarlyStopping
from wellposed.techniques.targets import LabelSmoothing
from wellposed.training.spec import Training

__all__ = [
    "EMA", "L1", "L2", "MLP", "SAM", "BatchNorm", "BestEpoch", "ClipGlobalNorm", "ClipNorm", "ClipValue", "Comparison",
    "DataError", "Dataset", "DropConnect", "Dropout", "EarlyStopping", "ElasticNet", "Flooding", "GaussianNoise",
    "LabelSmoothing", "MaxNorm", "Mixup", "ProximalL1", "RDrop", "Recipe", "Snapshots", "StudyError", "TechniqueError",
    "Training", "WeightDecay", "WellposedError", "compare", "parse", "read",
]  # fmt: skip

__version__ = "0.1.0"
