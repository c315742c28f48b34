"""The generated service beside what else one could run, measured in the same run."""
