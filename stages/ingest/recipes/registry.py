"""The data sets that have a recipe. Import strings, so that naming one imports nothing."""

from __future__ import annotations

RECIPES = {
    "avenue": "stages.ingest.recipes.avenue:clips",
    "kard": "stages.ingest.recipes.kinect_actions:kard",
    "kinetics250": "stages.ingest.recipes.kinetics250:clips",
    "live-videos": "stages.ingest.recipes.live_videos:clips",
    "msr-action3d": "stages.ingest.recipes.kinect_actions:msr_action3d",
    "ntu-rgbd": "stages.ingest.recipes.ntu_rgbd:clips",
    "ped2": "stages.ingest.recipes.ped2:clips",
    "shanghaitech": "stages.ingest.recipes.shanghaitech:clips",
    "ubi-fights": "stages.ingest.recipes.ubi_fights:clips",
    "ubnormal": "stages.ingest.recipes.ubnormal:clips",
    "ucf-crime": "stages.ingest.recipes.ucf_crime:clips",
    "utkinect": "stages.ingest.recipes.kinect_actions:utkinect",
}
"""The function of each, a `base.Recipe`; its module's `OPTIONS` say what it may be told, and, of sets of actions, its
`SPLITS`, by recipe, which classes belong together."""
