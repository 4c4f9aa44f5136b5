"""Dockerfiles, really built, and what is in the images, really run."""
