"""What every room may use: types, labels, interfaces, errors, seeds, checks, files, parts, parallel work."""
