"""The doors for people who bring their own arrays; `poolwise` itself offers them by name."""
