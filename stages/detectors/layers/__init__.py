"""Network pieces that several detectors share."""
