"""What networks of poses and of detectors share."""
