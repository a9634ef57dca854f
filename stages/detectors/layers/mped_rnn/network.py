"""The network of MPED-RNN: two recurrent branches that send each other messages, one encoder and several decoders.

Source: Morais et al., "Learning Regularity in Skeleton Trajectories for Anomaly Detection in Videos", CVPR 2019,
section 3.2 and figure 3. Several predictions at different timescales: Rodrigues et al., "Multi-timescale Trajectory
Prediction for Abnormal Human Activity Detection", WACV 2020, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.core.seeding import derive
from stages.detectors.base import Form
from stages.detectors.layers.mped_rnn.features import BOX, Features, RobustScaler, joined
from stages.detectors.layers.mped_rnn.params import MpedRnnParams, Plan


def build(form: Form, params: MpedRnnParams, seed: int, camera: str = "") -> MpedRnn:
    """The network with fresh weights, on the CPU.

    Args:
        form: of the windows it reads.
        params: see `MpedRnnParams`.
        seed: of the weights; the global random state is left as it was.
        camera: whose model it is.

    Raises:
        TrainingError: windows of this length cannot be parted as the params say.
    """
    plan = params.plan(form.samples)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "mped_rnn", "weights", camera))
        return MpedRnn(form.joints, plan, params.global_hidden, params.local_hidden)


State = tuple[Tensor, Tensor]
"""What the branches remember: the global one `(N, G)`, the local one `(N, L)`."""


class Branches(nn.Module):
    """Both branches' GRU cells and the messages between them.

    At each step a branch hears the other: `m = ReLU(W h + b)` of the other's state before the step, twice as many
    numbers as the hearer has features (paper, section 3.2: m^{l→g} and m^{g→l}). Its cell reads its features, if there
    are any, and that message.

    Args:
        joints: V; the global branch has 4 features and the local one 2 V.
        global_hidden: G.
        local_hidden: L.
        reads: whether the cells read features, as an encoder's do, or messages alone, as a decoder's.
    """

    def __init__(self, joints: int, global_hidden: int, local_hidden: int, *, reads: bool) -> None:
        super().__init__()
        box, local = BOX, 2 * joints
        self.to_global = nn.Linear(local_hidden, 2 * box)
        self.to_local = nn.Linear(global_hidden, 2 * local)
        self.of_global = nn.GRUCell((3 if reads else 2) * box, global_hidden)
        self.of_local = nn.GRUCell((3 if reads else 2) * local, local_hidden)

    def forward(self, state: State, box: Tensor | None = None, local: Tensor | None = None) -> State:
        """One step; an encoder reads a box `(N, 4)` and joints within it `(N, 2 V)`."""
        of_global, of_local = state
        to_global, to_local = self.to_global(of_local).relu(), self.to_local(of_global).relu()
        if box is not None and local is not None:
            to_global, to_local = torch.cat([box, to_global], dim=1), torch.cat([local, to_local], dim=1)
        return self.of_global(to_global, of_global), self.of_local(to_local, of_local)

    def beginning(self, like: Tensor) -> State:
        """Nothing to remember yet: zeros, for as many windows as there are rows in `like`."""
        cells = (self.of_global, self.of_local)
        before, then = (like.new_zeros(len(like), cell.hidden_size) for cell in cells)
        return before, then


class Decoder(nn.Module):
    """Goes on from a state for some steps, reading nothing but the branches' messages, and says what there is to see.

    Args:
        joints: V.
        global_hidden: G.
        local_hidden: L.
    """

    def __init__(self, joints: int, global_hidden: int, local_hidden: int) -> None:
        super().__init__()
        self.branches = Branches(joints, global_hidden, local_hidden, reads=False)
        self.box = nn.Linear(global_hidden, BOX)
        self.local = nn.Linear(local_hidden, 2 * joints)

    def forward(self, state: State, steps: int) -> tuple[Tensor, Tensor]:
        """Scaled boxes `(N, steps, 4)` and joints `(N, steps, 2, V)`, after each step."""
        states = []
        for _ in range(steps):
            state = self.branches(state)
            states.append(state)
        of_global, of_local = (torch.stack(branch, dim=1) for branch in zip(*states, strict=True))
        return self.box(of_global), self.local(of_local).unflatten(2, (2, -1))


@dataclass(frozen=True)
class Decoded:
    """What a decoder says of the samples `first` … `first + L - 1` of windows.

    Args:
        first: the first of those samples.
        box: `(N, L, 4)`, scaled.
        local: `(N, L, 2, V)`, scaled.
        places: `(N, L, 2, V)` in the windows' own coordinates and unit.
    """

    first: int
    box: Tensor
    local: Tensor
    places: Tensor

    @property
    def span(self) -> slice:
        """Those samples."""
        return slice(self.first, self.first + self.box.shape[1])


class MpedRnn(nn.Module):
    """Windows' features in, their reconstruction and predictions out.

    Args:
        joints: V.
        plan: what is read and predicted.
        global_hidden: G.
        local_hidden: L.
    """

    def __init__(self, joints: int, plan: Plan, global_hidden: int, local_hidden: int) -> None:
        super().__init__()
        self.plan = plan
        self.box_scaler = RobustScaler(BOX)
        self.local_scaler = RobustScaler(2, joints)
        self.places_scaler = RobustScaler(2, joints)
        self.encoder = Branches(joints, global_hidden, local_hidden, reads=True)
        self.reconstruct = Decoder(joints, global_hidden, local_hidden)
        self.predict = nn.ModuleList(Decoder(joints, global_hidden, local_hidden) for _ in plan.predictions)

    def fit_scalers(self, features: Features) -> None:
        """Measure the scalers on training windows."""
        self.box_scaler.fit(features.box, features.present[..., None])
        self.local_scaler.fit(features.local, features.seen[:, :, None])
        self.places_scaler.fit(features.places, features.seen[:, :, None])

    def scaled(self, features: Features) -> tuple[Tensor, Tensor]:
        """Boxes `(N, T, 4)` and joints within them `(N, T, 2, V)`, scaled, and 0 where nothing is seen."""
        box = torch.where(features.present[..., None], self.box_scaler(features.box), 0.0)
        return box, torch.where(features.seen[:, :, None], self.local_scaler(features.local), 0.0)

    def forward(self, box: Tensor, local: Tensor) -> list[Decoded]:
        """Read what `scaled` gives of windows; the reconstruction, then each prediction."""
        count, read = len(box), self.plan.read
        states = [self.encoder.beginning(box)]
        for sample in range(read):
            states.append(self.encoder(states[-1], box[:, sample], local[:, sample].flatten(1)))
        # The sample that was read last is the first that is said.
        found = [self._decoded(0, *(said.flip(1) for said in self.reconstruct(states[read], read)))]
        for decoder, (length, starts) in zip(self.predict, self.plan.predictions, strict=True):
            begin = tuple(torch.cat(branch) for branch in zip(*(states[start] for start in starts), strict=True))
            said = (part.unflatten(0, (len(starts), count)) for part in decoder(begin, length))
            # One start after the other makes one run of samples.
            found.append(self._decoded(starts[0], *(part.transpose(0, 1).flatten(1, 2) for part in said)))
        return found

    def _decoded(self, first: int, box: Tensor, local: Tensor) -> Decoded:
        places = joined(self.box_scaler.inverse(box), self.local_scaler.inverse(local))
        return Decoded(first, box, local, places)
