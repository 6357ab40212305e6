"""Vodflow's pipelines, one folder each: wiring only. One name of ours on everybody's import path, and no other."""
