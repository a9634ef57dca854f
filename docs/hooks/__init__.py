"""What the documentation site generates at every build, so that it cannot differ from the code and its figures."""
