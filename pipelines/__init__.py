"""When the stages run and who is told: DVC's graph, Prefect's clock, MLflow's memory. Never how a stage works."""
