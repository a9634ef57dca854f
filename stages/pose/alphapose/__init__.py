"""YOLOX finds people, FastPose their joints: AlphaPose's networks, with the checkpoints that its users download."""
