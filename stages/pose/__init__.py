"""From video to people: decoding, detection, pose estimation, and linking poses into tracks."""
