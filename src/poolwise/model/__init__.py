"""Networks: backbones that tell their embedding, one classifier on top, its training and its predictions."""
