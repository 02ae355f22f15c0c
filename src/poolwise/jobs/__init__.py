"""The jobs: each folder holds its settings, its build and its steps."""
