"""Pure geometry on arrays of points: neighbours, clusters, coverage, gradients. Nothing here knows of labels."""
