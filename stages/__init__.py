"""The work: files in this folder are the DAG's stages, folders are the library they stand on."""
