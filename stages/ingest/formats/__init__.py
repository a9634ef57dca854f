"""One file per pose format, each with a reader and, where others read it, a writer."""
