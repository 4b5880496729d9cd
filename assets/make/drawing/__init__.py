"""What draws the diagrams, a file for each part of the course."""
