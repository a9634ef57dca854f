"""What detectors of whole frames share: batches of clips, the way they learn, their files."""
