"""normotion from Python: scores of a table of tracks, or of a video, in a few lines.

>>> import normotion
>>> model = normotion.load_model()  # the one that comes with the package, or a folder that `normotion pack` made
>>> result = normotion.score_video("gate.mp4", model=model)  # doctest: +SKIP
>>> result.frames[["frame", "smoothed", "alarm"]], result.events  # doctest: +SKIP

The code is in `stages.live`; the command `normotion` is `pipelines`.
"""

from stages.live.api import Result, load_model, score_tracks, score_video

__all__ = ["Result", "load_model", "score_tracks", "score_video"]
