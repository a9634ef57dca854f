"""Names of detectors and where each lives. Import strings, so that naming one imports none."""

from __future__ import annotations

from pkgutil import resolve_name

from stages.core.errors import ParamsError
from stages.core.params import nearest
from stages.detectors.base import Detector, Modality

DETECTORS = {
    "stg_nf": "stages.detectors.stg_nf:StgNf",
    "knn": "stages.detectors.knn:Knn",
    "stg_nf_supervised": "stages.detectors.stg_nf_supervised:StgNfSupervised",
    "gepc": "stages.detectors.gepc:Gepc",
    "gepc_patches": "stages.detectors.gepc_patches:GepcPatches",
    "reconstruction": "stages.detectors.reconstruction:Reconstruction",
    "oc_svm": "stages.detectors.oc_svm:OcSvm",
    "st_gcn": "stages.detectors.st_gcn:StGcn",
    "agcn": "stages.detectors.agcn:Agcn",
    "ms_g3d": "stages.detectors.ms_g3d:MsG3d",
    "shift_gcn": "stages.detectors.shift_gcn:ShiftGcn",
    "mped_rnn": "stages.detectors.mped_rnn:MpedRnn",
    "itae": "stages.detectors.itae:ItaeDetector",
    "itae_nf": "stages.detectors.itae_nf:ItaeNf",
    "mgenet": "stages.detectors.mgenet:MgeNetDetector",
    "ffp": "stages.detectors.ffp:Ffp",
    "jigsaw": "stages.detectors.jigsaw:Jigsaw",
}


def detector(name: str) -> type[Detector]:
    """Import a detector's class.

    Raises:
        ParamsError: no detector has that name; gives the nearest that exists.
    """
    if name not in DETECTORS:
        raise ParamsError(f"unknown detector {name!r}; {nearest(name, list(DETECTORS))}", fix="mend it in params.yaml")
    found: type[Detector] = resolve_name(DETECTORS[name])
    return found


def looks(kind: type[Detector]) -> bool:
    """Whether a detector looks at what windows show: whole frames, or their people."""
    return bool(kind.needs & {Modality.RGB, Modality.CROPS})
