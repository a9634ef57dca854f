"""Ablation suites: named experiments that answer one question each by a row of variants of the pipeline."""
