"""Published data sets in their published layout, made small: two or three clips of twenty frames each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from numpy.typing import NDArray

from stages.core.dataset import Dataset, load_dataset
from stages.core.paths import Project
from stages.ingest.folder import write_folder
from stages.ingest.recipes.base import Recipe

Image = NDArray[np.uint8]
Footage = Sequence[Image]
FRAMES = 20
ABNORMAL = range(5, 10)
"""Frames of an abnormal test clip that are abnormal."""
TRUTH = [int(frame in ABNORMAL) for frame in range(FRAMES)]


def imported(tmp_path: Path, recipe: Recipe, source: Path, **options: object) -> Dataset:
    """Take a miniature through its recipe and read what was written."""
    description, clips = recipe(source, **options)
    project = Project(tmp_path / "project")
    write_folder(project.raw("small"), description, clips)
    return load_dataset(project, "small")


def plain(frames: int = FRAMES, width: int = 64, height: int = 48) -> list[Image]:
    """A bright square that moves to the right."""
    images = np.zeros((frames, height, width, 3), dtype=np.uint8)
    for number in range(frames):
        images[number, 8:20, number % width : number % width + 8] = 200
    return list(images)


def video(path: Path, images: Footage, fps: float = 30.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    code = "mp4v" if path.suffix == ".mp4" else "FFV1"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, (images[0].shape[1], images[0].shape[0]))
    for image in images:
        writer.write(image)
    writer.release()


def stills(folder: Path, images: Footage, pattern: str, first: int) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(images, start=first):
        cv2.imwrite(str(folder / pattern.format(number)), image)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def array(path: Path, values: object) -> None:
    """A NumPy file of any name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        np.save(stream, np.asarray(values))


def walkers(joints: int, frames: int = FRAMES, dims: int = 2) -> NDArray[np.float64]:
    """Two people who walk and swing their limbs, `(2, frames, joints, dims)`, 100 px tall."""
    rng = np.random.default_rng(joints)
    body = rng.uniform(0, 100, (2, 1, joints, dims))
    time = np.arange(frames)[None, :, None, None]
    swing = 8 * np.sin(0.7 * time + rng.uniform(0, 6, (2, 1, joints, 1)))
    return np.asarray(200 + body + swing + 3.0 * time)


def tracked(path: Path, frames: int = FRAMES) -> None:
    """A tracked-person file; frames are named with four digits."""
    people = walkers(17, frames)
    table = {
        str(person): {
            f"{frame:04}": {
                "keypoints": [value for x, y in people[person, frame] for value in (x, y, 0.9)],
                "scores": 2.5,
            }
            for frame in range(frames)
        }
        for person in range(2)
    }
    text(path, json.dumps(table))


def shanghaitech(root: Path) -> Path:
    for name in ("01_001", "02_001"):
        tracked(root / f"pose/train/{name}_alphapose_tracked_person.json")
    for name in ("01_0014", "12_0152"):
        tracked(root / f"pose/test/{name}_alphapose_tracked_person.json")
        array(root / f"gt/test_frame_mask/{name}.npy", np.array(TRUTH, dtype=np.uint8))
    return root


def shanghaitech_video(root: Path, images: Footage) -> Path:
    video(root / "training/videos/01_001.avi", images, 24)
    stills(root / "testing/frames/01_0014", images, "{:03}.jpg", 0)
    array(root / "testing/test_frame_mask/01_0014.npy", np.array(TRUTH, dtype=np.uint8))
    return root


def ubnormal(root: Path) -> Path:
    """Test masks are arrays in files called .txt, 1 normal; annotations are text."""
    folders = {
        "train": ("normal_scene_1_scenario1_9", "normal_scene_2_scenario_3_fog"),
        "abnormal_train": ("abnormal_scene_1_scenario_3",),
        "validation": ("normal_scene_4_scenario_4", "abnormal_scene_5_scenario_2"),
        "test": ("abnormal_scene_5_scenario_1_smoke", "normal_scene_9_scenario_6_2"),
    }
    for folder, names in folders.items():
        for name in names:
            tracked(root / f"pose/{folder}/{name}_alphapose_tracked_person.json")
    text(root / "Scene1/abnormal_scene_1_scenario_3_annotations/abnormal_scene_1_scenario_3_tracks.txt", "4,5,9\n")
    floats = "2.000e+00,1.200e+01,2.100e+01\n1.000e+00,0.000e+00,3.000e+00\n"
    text(root / "Scene5/abnormal_scene_5_scenario_2_tracks.txt", floats)
    array(root / "gt/abnormal_scene_5_scenario_1_smoke_tracks.txt", 1.0 - np.array(TRUTH))
    array(root / "gt/normal_scene_9_scenario_6_2_tracks.txt", np.ones(FRAMES))
    return root


def avenue(root: Path, images: Footage, number: str = "01") -> Path:
    video(root / f"training_videos/{number}.avi", images, 25)
    video(root / f"testing_videos/{number}.avi", images, 25)
    cells = np.empty((1, len(images)), dtype=object)
    for frame in range(len(images)):
        cells[0, frame] = np.zeros(images[0].shape[:2], dtype=np.uint8)
        cells[0, frame][3, 4] = frame in ABNORMAL
    folder = root / "ground_truth_demo" / "testing_label_mask"
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / f"{int(number)}_label.mat", {"volLabel": cells})
    return root


def ped2(root: Path, images: Footage) -> Path:
    """As published: images, their masks beside, hidden files of macOS among them; frames counted from 1."""
    stills(root / "Train/Train001", images, "{:03}.tif", 1)
    stills(root / "Test/Test001", images, "{:03}.tif", 1)
    stills(root / "Test/Test001_gt", images, "{:03}.bmp", 1)
    (root / "Test/Test001/._001.tif").write_bytes(b"\0\5\x16\7")
    text(root / "Test/UCSDped2.m", "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [6:8, 9:10];\n")
    return root


def ped2_passed_on(root: Path, images: Footage) -> Path:
    video(root / "train/01.mp4", images, 10)
    video(root / "test/01.mp4", images, 10)
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = np.array([[6, 9], [8, 10]], dtype=np.uint8)
    scipy.io.savemat(root / "ped2.mat", {"gt": cells})
    return root


def ucf_crime(root: Path, images: Footage) -> Path:
    videos = (
        "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4",
        "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4",
        "Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4",
        "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
    )
    for name in videos:
        video(root / name, images)
    lists = root / "Anomaly_Detection_splits"
    train = "Abuse/Abuse001_x264.mp4\nTraining_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
    text(lists / "Anomaly_Train.txt", train)
    test = "Abuse/Abuse028_x264.mp4\nTesting_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4\n"
    text(lists / "Anomaly_Test.txt", test)
    truth = "Abuse028_x264.mp4  Abuse  6  8  9  10\nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n"
    text(root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt", truth)
    return root


def ubi_fights(root: Path, images: Footage) -> Path:
    truths = {"fight/F_0_1_0_0_0": TRUTH, "fight/F_1_0_0_0_0": TRUTH}
    truths |= {"normal/N_0_0_0_1_0": [0] * FRAMES, "normal/N_1_0_0_0_0": [0] * FRAMES}
    for name, truth in truths.items():
        video(root / f"videos/{name}.mp4", images)
        text(root / f"annotation/{name.partition('/')[2]}.csv", "".join(f"{value}\n" for value in truth))
    text(root / "test_videos.csv", "F_0_1_0_0_0\nN_0_0_0_1_0\n")
    return root


def live_videos(root: Path, images: Footage) -> Path:
    """One recording of forty frames, abnormal from frame 25 to frame 29."""
    film = [*images, *images]
    video(root / "VIDS/murder.mp4", film, 15)
    masks = [np.zeros_like(image) for image in film]
    for frame in ABNORMAL:
        masks[FRAMES + frame][10:20, 10:20] = 255
    video(root / "VIDS/GT/murder.mp4", masks, 15)
    text(root / "split.csv", f"murder,{FRAMES}\n")
    return root


def skeleton(path: Path, frames: int = FRAMES) -> None:
    """An NTU RGB+D file of two bodies, in metres."""
    people = walkers(25, frames, 3) / 100
    rows = [str(frames)]
    for frame in range(frames):
        rows.append("2")
        for person in range(2):
            rows += [f"7205759403792757{person} 0 1 1 1 1 0 0.1 0.2 2", "25"]
            for x, y, z in people[person, frame]:
                rows.append(f"{x} {y} {z} 200 150 {800 + 100 * x} {400 + 100 * y} 0 0 0 1 2")
    text(path, "\n".join(rows) + "\n")


def ntu_rgbd(root: Path) -> Path:
    """Performer 1 is learnt from, 3 is tested on; action 28 is a telephone call, 50 a punch."""
    names = ("S001C001P001R001A028", "S001C001P001R001A050", "S001C001P003R001A028", "S001C001P003R001A050")
    for name in names:
        skeleton(root / f"nturgb+d_skeletons/{name}.skeleton")
    return root


def kinetics(root: Path) -> Path:
    """Clips that dance (18) and clips that do not (6); in one nobody was found."""
    parts = {"train": {"-a": 18, "_b": 6, "nobody": 6}, "val": {"c": 18, "d": 6}}
    names = {18: "dancing", 6: "archery"}
    for part, clips in parts.items():
        labels = {}
        for clip, action in clips.items():
            labels[clip] = {"has_skeleton": clip != "nobody", "label": names[action], "label_index": action}
            if clip != "nobody":
                _kinetics_clip(root / f"kinetics_{part}/{clip}.json", names[action], action)
        text(root / f"kinetics_{part}_label.json", json.dumps(labels))
    return root


def _kinetics_clip(path: Path, label: str, action: int) -> None:
    people = walkers(18) / 500
    data = [
        {
            "frame_index": frame + 1,
            "skeleton": [{"pose": people[who, frame].reshape(-1).tolist(), "score": [0.8] * 18} for who in range(2)],
        }
        for frame in range(FRAMES)
    ]
    text(path, json.dumps({"data": data, "label": label, "label_index": action}))


FILMED: dict[str, Callable[[Path, Footage], Path]] = {
    "shanghaitech": shanghaitech_video,
    "avenue": avenue,
    "ped2": ped2,
    "ucf-crime": ucf_crime,
    "ubi-fights": ubi_fights,
    "live-videos": live_videos,
}
POSED: dict[str, Callable[[Path], Path]] = {
    "shanghaitech": shanghaitech,
    "ubnormal": ubnormal,
    "ntu-rgbd": ntu_rgbd,
    "kinetics250": kinetics,
}
