"""What MGENet is made of: encoders of tubes, large-kernel attention, memories, and how they learn."""
