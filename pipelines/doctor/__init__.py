"""`normotion doctor`: what broken runs left behind, found and mended, each thing told."""
