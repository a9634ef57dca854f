"""For people: skeletons on frames, scores over time, and the page that compares all runs."""
