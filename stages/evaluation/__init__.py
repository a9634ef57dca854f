"""The referee: from scores of windows to scores of frames, and from those to figures."""
