"""Pictures around joints, and what a small network sees in them: GEPC's patches variant."""
