"""Where pictures come from: benchmark sets, folders, tables of paths, and made-up data for tests."""
