"""Labelled people that move: gait, actions, places, cameras, noise and rendered pictures."""
