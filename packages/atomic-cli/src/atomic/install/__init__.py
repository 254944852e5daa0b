"""Changes to a project's files: planned first (pure), then shown, or made and noted."""
