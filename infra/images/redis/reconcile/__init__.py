"""Keeps a Redis Cluster as declared: observe everything, take one step, observe again."""
