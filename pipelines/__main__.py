"""`normotion VERB`: every stage by hand, and what stands round them. Imports nothing heavy until one is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stages.__main__ import STAGES, Option, Verb, run_command

TOOLS = (
    Verb(
        "repro",
        "rebuild what changed with DVC, then log the runs",
        ("stage...",),
        "pipelines.rebuild:repro",
        (Option("jobs", "stages at a time where the graph allows it (pipelines.jobs)", "N", short="j"),),
    ),
    Verb(
        "full",
        "compare every detector on every dataset with several seeds, beside the project",
        (),
        "pipelines.full:run",
        (
            Option("seeds", "of every detector (0,1,2)", "N,N"),
            Option("jobs", "stages at a time where the graph allows it (pipelines.jobs)", "N", short="j"),
        ),
        "The page is reports/full/index.html; params.yaml, dvc.lock and the report stay as they are.",
    ),
    Verb(
        "flow",
        "rebuild, or retrain, as one Prefect flow run",
        ("name...",),
        "pipelines.deploy:flow",
        details="NAME is rebuild, which is what is done without it, or retrain.",
    ),
    Verb(
        "retrain",
        "take in new clips, rebuild, and promote what is better than the models in use",
        (),
        "pipelines.retrain:run",
        details="The report is reports/retrain.md.",
    ),
    Verb(
        "promote",
        "make the challenger the champion whatever the figures say",
        ("dataset", "detector"),
        "pipelines.champions:promote",
    ),
    Verb(
        "rollback",
        "take the champion out of use and put its predecessor back",
        ("dataset", "detector"),
        "pipelines.champions:rollback",
    ),
    Verb("prefect", "start the Prefect server and page, and serve the schedules", (), "pipelines.deploy:prefect"),
    Verb("serve", "serve the schedules to a Prefect server that is up", (), "pipelines.deploy:serve"),
    Verb("log", "log the runs to MLflow that are not there yet", (), "pipelines.log_runs:run"),
    Verb("mlflow", "open MLflow's page with the comparison of runs", (), "pipelines.log_runs:serve"),
    Verb(
        "import",
        "make a dataset of pose files, or of a published data set by its recipe",
        ("format", "source"),
        "stages.ingest.importing:run",
        (
            Option("dataset", "name of the dataset to make in data/raw", "NAME"),
            Option("fps", "frames per second, where the source does not say", "F"),
            Option("size", "frame size in px, where the source does not say", "WIDTHxHEIGHT"),
            Option("layout", "joints, where they are not the format's own: coco17, openpose18 or ntu25", "NAME"),
            Option("first-frame", "number of a clip's first frame in the source (0)", "N"),
            Option("test", "clips or files for testing, e.g. 'cam2*', or none; all others train", "PATTERN", many=True),
            Option(
                "clips", "CSV: clip and any of split, fps, width, height, frames, camera, scene, kind, abnormal", "FILE"
            ),
            Option(
                "labels", "CSV: clip, start_frame, end_frame, and frames, track, kind; sought in SOURCE first", "FILE"
            ),
            Option("masks", "folder, zip or npz with a .npy per clip: 0 and 1 per frame", "PATH"),
            Option("mask-abnormal", "which of the two means abnormal", "0|1", choices=("0", "1")),
            Option("camera", "regular expression that finds the camera in a clip's name", "REGEX"),
            Option("licence", "terms of the data, one line", "TEXT"),
            Option("option", "what a recipe is told, e.g. partial=true", "KEY=VALUE", many=True),
            Option("replace", "put the new dataset in an old one's place", flag=True),
        ),
        "FORMAT is one of alphapose, coco, kinetics, mped_rnn, ntu, parquet, tracked_person, or a recipe: avenue, "
        "kard, kinetics250, live-videos, msr-action3d, ntu-rgbd, ped2, shanghaitech, ubi-fights, ubnormal, ucf-crime, "
        "utkinect. SOURCE is a file, a "
        "folder or a zip.",
        resumes=False,
    ),
    Verb(
        "export",
        "write poses or tracks as alphapose, coco, parquet or tracked_person",
        ("format", "dataset"),
        "stages.ingest.exporting:run",
        (
            Option("out", "folder to write to", "FOLDER"),
            Option("stage", "tracks, or poses as they were before tracking", choices=("tracks", "poses")),
            Option("clip", "clips to write, e.g. '01_*'; all without it", "PATTERN", many=True),
            Option("replace", "overwrite files of an earlier export", flag=True),
        ),
        resumes=False,
    ),
    Verb(
        "new-detector",
        "set up a detector of your own: its file, its registry line and its params",
        ("name",),
        "pipelines.new_detector:run",
        (
            Option("dataset", "what it is compared on; the first of params.yaml without it", "NAME", many=True),
            Option("window", "window spec that it reads; the first that suits without it", "NAME"),
            Option("of", "a detector in a package of yours; without it a working template is copied", "MODULE:CLASS"),
        ),
        "NAME is a word such as my_flow, which nothing is called yet. docs/howto/own-detector.md leads on.",
        resumes=False,
    ),
    Verb(
        "convert",
        "make a model folder of a checkpoint that a paper's authors published",
        ("kind", "checkpoint", "out"),
        "pipelines.convert:run",
        details="KIND is stg-nf. CHECKPOINT is the file, OUT a new or empty folder. Says what windows it reads.",
        resumes=False,
    ),
    Verb(
        "export-model",
        "write a trained network as ONNX or PyTorch program, for use without normotion",
        ("dataset", "detector", "out"),
        "pipelines.export_model:run",
        (
            Option("seed", "of the training; the first of train.seeds without it", "N"),
            Option("format", "what OUT's ending says without it: .onnx or .pt2", choices=("onnx", "torch")),
        ),
        "OUT is the file.",
        resumes=False,
    ),
    Verb(
        "pyfunc",
        "save a trained model as an MLflow model that takes a table of tracks",
        ("dataset", "detector", "out"),
        "pipelines.registry:run",
        (Option("seed", "of the training; the first of train.seeds without it", "N"),),
        "OUT is a new folder, or that of an earlier one.",
        resumes=False,
    ),
    Verb(
        "run",
        "judge a video, a folder of them, or a camera, and draw what was found",
        ("source",),
        "pipelines.run:run",
        (
            Option("out", "folder to write to (SOURCE-judged)", "DIR"),
            Option("detector", "whose model of the data set that --model names (stg_nf)", "NAME"),
            Option("model", "folder of `normotion pack`, or a data set of this project", "MODEL"),
            Option("calibration", "file of `normotion calibrate`", "FILE"),
            Option("camera", "which of its cameras", "NAME"),
            Option("threshold", "over which alarms ring, in place of a calibration", "X"),
            Option("every", "look for people in every n-th frame (1)", "N"),
            Option("skeleton-only", "draw people on a plain ground, nothing of the picture", flag=True),
            Option("show-faces", "do not blur faces", flag=True),
            Option("no-film", "write no overlay.mp4", flag=True),
        ),
        "SOURCE is a file, a folder, a webcam's number, or an RTSP or HTTP address. Without --model the STG-NF that "
        "comes with the package judges.",
        resumes=False,
        anywhere=True,
    ),
    Verb(
        "pack",
        "make a folder of a trained model that run, watch and calibrate take by --model",
        ("dataset", "detector", "out"),
        "pipelines.pack:run",
        (Option("seed", "of the training; the first of train.seeds without it", "N"),),
        "OUT is a folder; an earlier one is replaced.",
        resumes=False,
    ),
    Verb(
        "calibrate",
        "find the score at which a camera's alarms should ring, from its normal footage",
        ("footage...",),
        "pipelines.calibrate:run",
        (
            Option("false-alarms", "that the camera may give (1/day)", "N/TIME"),
            Option("camera", "its name in the file (camera)", "NAME"),
            Option("out", "the file; other cameras in it stay (calibration.json)", "FILE"),
            Option("detector", "whose model of the data set that --model names (stg_nf)", "NAME"),
            Option(
                "model", "folder of `normotion pack`, or a data set of this project; else the package's own", "MODEL"
            ),
            Option("every", "look at every n-th frame (1)", "N"),
        ),
        "FOOTAGE is files and folders of one camera in which nothing abnormal happens. Scores are kept beside OUT: an "
        "interrupted call goes on, and another rate takes a moment.",
        anywhere=True,
    ),
    Verb(
        "watch",
        "watch a camera live and tell of alarms as they ring",
        ("source",),
        "pipelines.watch:run",
        (
            Option("jsonl", "file for alarms, a line of JSON each; - is standard output, and done without any", "FILE"),
            Option("csv", "file for alarms, a row each; an earlier one is gone on with", "FILE"),
            Option("webhook", "address to which alarms are posted as JSON", "URL"),
            Option("undelivered", "file for what the webhook does not take (undelivered.jsonl)", "FILE"),
            Option("calibration", "thresholds made by `normotion calibrate`", "FILE"),
            Option("camera", "which of its cameras, where it has several", "NAME"),
            Option("threshold", "over which alarms ring, in place of a calibration", "X"),
            Option("detector", "whose model of the data set that --model names (stg_nf)", "NAME"),
            Option(
                "model", "folder of `normotion pack`, or a data set of this project; else the package's own", "MODEL"
            ),
            Option("every", "look for people in every n-th frame (1)", "N"),
            Option("queue", "frames that may wait; when it is full the oldest is dropped (8)", "N"),
        ),
        "SOURCE is a webcam's number, an RTSP or HTTP address, or a file. Ends on SIGTERM and Ctrl-C: an alarm that "
        "rings is then ended and told.",
        anywhere=True,
    ),
    Verb(
        "quality",
        "show how good a dataset's poses and tracks are, before a detector is blamed",
        ("dataset",),
        "pipelines.quality:run",
        resumes=False,
    ),
    Verb(
        "label",
        "mark abnormal intervals with the keyboard, on a local page that plays the video",
        ("video",),
        "pipelines.label:run",
        (
            Option("dataset", "the dataset that the file VIDEO belongs to", "NAME"),
            Option("clip", "what the file's clip is called, or which of several is first", "NAME"),
            Option("scores", "frame scores to show, e.g. scores.parquet of `normotion run`", "FILE"),
            Option("out", "file of labels; without it labels.csv beside the video or in the dataset", "FILE"),
            Option("port", "of the page; without it 8765, or any that is free", "N"),
            Option("no-open", "open no browser", flag=True),
        ),
        "VIDEO is a file, a folder of files, or a dataset in data/raw. Saved after each change.",
        resumes=False,
        anywhere=True,
    ),
    Verb(
        "suite",
        "run an ablation suite of the papers, or list them",
        ("name...",),
        "pipelines.suites.suite:run",
        (
            Option("dataset", "what is tested on (simulated)", "NAME"),
            Option("detector", "which to run; the suite's own without it", "NAME", many=True),
            Option("seeds", "e.g. 0,1,2; those of params.yaml without it", "N,N"),
        ),
        "Finished variants are kept; results are in reports/suites.",
    ),
    Verb(
        "remote",
        "keep the data in another place too, and push them there",
        ("place...",),
        "pipelines.remote:run",
        details="PLACE is a folder or an address such as s3://bucket/path; without it a folder beside the project's.",
    ),
    Verb("doctor", "find and mend what broken runs left behind", (), "pipelines.doctor.visit:run"),
    Verb("readme", "refresh the data dictionary, the README's results and pictures", (), "pipelines.readme:run"),
)
"""The verbs that are no stages."""

CHECK = Verb(
    "check",
    "validate params.yaml, every dataset and its labels, and explain them",
    ("dataset...",),
    "pipelines.check:run",
    details="DATASET is looked at alone, also before params.yaml names it. Doubts are told, each with its mend.",
)
"""The stage of that name, and after it what DVC has no use for: explanations."""
VERBS = (*(CHECK if stage.name == CHECK.name else stage for stage in STAGES), *TOOLS)
"""All verbs of `normotion`."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command `normotion`."""
    return run_command("normotion", VERBS, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
